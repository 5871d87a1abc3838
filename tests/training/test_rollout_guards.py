"""When learning from replies is stopped, and what is left then: causes, the last good policy, refusals at
the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ppo_parts import ready
from small_training import (
    END,
    Scripted,
    bytes_of,
    fresh_base,
    journal_of,
    make_grpo,
    ppo_settings,
    same_bytes,
)

from dajeong.errors import QualityProblem
from dajeong.models.adapters import load_role
from dajeong.rollout.engine import Completion, Request
from dajeong.templates import TEMPLATES
from dajeong.training.experience import Experience
from dajeong.training.first_rollout import refuse_equal_rewards
from dajeong.training.guards import Guards
from dajeong.training.ppo import Ppo
from dajeong.training.rewards import Part
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_settings import GuardSettings
from dajeong.training.rollout_step import RolloutStep, learn
from dajeong.training.rollouts import POLICY
from dajeong.workplace import Workplace

NOTHING: dict[str, Any] = dict.fromkeys(
    ("repetition", "distinct", "length", "false_refusal", "kl", "reward", "unended", "empty", "deviation")
)
LIMITS: dict[str, Any] = {
    "kl": {"kl": 1e-6},
    "reward": {"reward": 0.5},
    "unended": {"unended": 0.2},
    "empty": {"empty": 0.2},
    "deviation": {"deviation": 1e-4},
}


class Turning(Scripted):
    """An ordinary engine for two rollouts; from the third on it is not."""

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, 0

    def generate(self, requests: Sequence[Request], on_token: Any = None) -> list[Completion]:
        self.calls += 1
        drawn = super().generate(requests, on_token)
        if self.calls < 3:
            return drawn
        if self.how == "unended":
            return [Completion((9, 10, 11, 12, 13, 14), (0.0,) * 6, "length") for _ in drawn]
        if self.how == "empty":
            return [Completion((END,), (0.0,), "eos") for _ in drawn]
        return drawn


class Turned:
    """A source of rewards that is ordinary for two rollouts."""

    name, mean, deviation = "reward-turned", 0.0, 1.0

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, 0

    def score(self, answers: Sequence[Any]) -> list[float]:
        self.calls += 1
        usual = [float(len(answer.ids) % 3) for answer in answers]
        if self.calls < 3:
            return usual
        if self.how == "reward":
            return [each - 5.0 for each in usual]
        return [1.0] * len(usual) if self.how == "deviation" else usual


def guarded(models: Path, work: Workplace, how: str, **changed: Any) -> Ppo:
    settings = GuardSettings(**{**NOTHING, "patience": 1, "action": "stop", **LIMITS[how], **changed})
    algorithm = ready(models, updates=5, engine=Turning(how), missing_eos_penalty=0.0)
    good = RoleCopy(algorithm.base.model, POLICY) if settings.action == "stop" else None
    algorithm.rollouts.guards = Guards(settings, work, (), good)
    algorithm.rollouts.sources = [Turned(how)]
    algorithm.rollouts.shaping.parts = {"reward-turned": Part(1.0)}
    return algorithm


def run(models: Path, folder: Path, how: str, **changed: Any) -> Ppo:
    work = Workplace(run=folder, name="ppo", seed=3)
    algorithm = guarded(models, work, how, **changed)
    rollouts = algorithm.rollouts
    step = RolloutStep(
        rollouts.base, rollouts.parallel, rollouts, TEMPLATES["koalpaca"], {}, models / "sft", {}
    )
    learn("ppo", algorithm, step, ppo_settings(updates=5), work)
    return algorithm


@pytest.mark.parametrize("how", LIMITS)
def test_R12_a_policy_gone_wrong_stops_with_its_cause_and_the_last_good_one(
    models: Path, tmp_path: Path, how: str
) -> None:
    """Reward collapse, KL blow-up, endless and empty replies, equal rewards: exit code 6, the signal named,
    the policy of the last rollout past no limit left as an adapter. Seen to fail without `_keep_good`, which
    leaves the policy of step 0, and without each limit.
    """
    with pytest.raises(QualityProblem) as caught:
        run(models, tmp_path, how)
    problem, folder = caught.value, tmp_path / "steps" / "ppo"
    assert problem.exit_code == 6 and str(problem.parameters["what"]).startswith(how)
    rollout = 2 if how == "kl" else 3
    assert problem.parameters["rollout"] == rollout
    lines = [line for line in journal_of(Workplace(run=tmp_path, name="ppo")) if line["event"] == "guard"]
    assert [line["beyond"] for line in lines] == [[]] * (rollout - 1) + [[how]]
    kept = fresh_base(models)
    load_role(kept.model, POLICY, folder / "last-good")
    found = {n: w.detach() for n, w in kept.model.parameters_of(POLICY).items()}
    assert same_bytes(found, at_rollout(models, tmp_path / "again", how, rollout - 2))
    assert not (tmp_path / "models").exists()


def at_rollout(models: Path, folder: Path, how: str, rollout: int) -> dict[str, torch.Tensor]:
    """The policy that draws this rollout, from 0, of the same run."""
    work = Workplace(run=folder, name="ppo", seed=3)
    algorithm = guarded(models, work, how, action="warn")
    policy = algorithm.base.model.parameters_of(POLICY)
    seen: list[dict[str, torch.Tensor]] = []
    draw = algorithm.rollouts.experience

    def watched(*arguments: Any) -> list[Experience]:
        seen.append({name: weight.detach().clone() for name, weight in policy.items()})
        return draw(*arguments)

    algorithm.rollouts.experience = watched  # type: ignore[method-assign]
    step = RolloutStep(
        algorithm.base, algorithm.rollouts.parallel, algorithm.rollouts, TEMPLATES["koalpaca"], {},
        models / "sft", {},
    )  # fmt: skip
    try:
        learn("ppo", algorithm, step, ppo_settings(updates=5), work)
    except Exception:  # the card has no records to read; the policies were seen
        assert len(seen) == 5
    return seen[rollout]


def test_an_alarm_comes_before_the_stop(models: Path, tmp_path: Path) -> None:
    """With a patience of 2 the first reading past a limit is only told."""
    with pytest.raises(QualityProblem) as caught:
        run(models, tmp_path, "unended", patience=2)
    assert caught.value.parameters["rollout"] == 4


def test_the_last_good_policy_goes_on_with_the_run(models: Path, tmp_path: Path) -> None:
    algorithm = guarded(models, Workplace(run=tmp_path, name="ppo"), "unended")
    guards = algorithm.rollouts.guards
    assert guards is not None and guards.good is not None
    with torch.no_grad():
        for tensor in guards.good.tensors.values():
            tensor.add_(1.0)
    again = guarded(models, Workplace(run=tmp_path, name="ppo"), "unended")
    again.restore(algorithm.state())
    assert again.rollouts.guards is not None and again.rollouts.guards.good is not None
    assert same_bytes(again.rollouts.guards.good.tensors, guards.good.tensors)


# --- at the start


def replies(*rewards: tuple[float, float]) -> list[Experience]:
    return [
        Experience([5], [6 + place], True, rewards={"one": one, "two": two})
        for place, (one, two) in enumerate(rewards)
    ]


PARTS = {"one": Part(1.0), "two": Part(1.0)}


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (replies((1.0, 2.0), (1.0, 2.0)), True),
        (replies((1.0, 2.0), (1.0 + 1e-8, 2.0)), True),
        (replies((1.0, 2.0), (1.0, 2.5)), False),
        (replies((1.0, 2.0)), False),
    ],
)
def test_equal_rewards_are_refused_before_anything_is_learned(found: list[Experience], refused: bool) -> None:
    if not refused:
        return refuse_equal_rewards(found, PARTS)
    with pytest.raises(QualityProblem) as caught:
        refuse_equal_rewards(found, PARTS)
    assert caught.value.code == "rewards-equal" and caught.value.exit_code == 6


def test_rules_that_hold_for_all_replies_are_no_reason_to_stop() -> None:
    refuse_equal_rewards(replies((1.0, 1.0), (1.0, 1.0)), {name: Part(1.0, is_model=False) for name in PARTS})


def test_a_reward_model_without_an_opinion_stops_the_first_rollout(models: Path) -> None:
    algorithm = ready(models)
    for name in ("reward-kind", "reward-firm"):
        with torch.no_grad():
            algorithm.base.model.score(name).zero_()
    before = {n: bytes_of(w) for n, w in algorithm.base.model.parameters_of(POLICY).items()}
    with pytest.raises(QualityProblem) as caught:
        next(algorithm.updates())
    assert caught.value.code == "rewards-equal"
    assert before == {n: bytes_of(w) for n, w in algorithm.base.model.parameters_of(POLICY).items()}


def test_its_kin_keeps_the_same_things(models: Path) -> None:
    """GRPO remembers its guards and running rewards through the same door."""
    algorithm = make_grpo(models, normalise="running")
    algorithm.buffer = algorithm.experience(0)
    again = make_grpo(models, normalise="running")
    again.restore(algorithm.state())
    assert again.rollouts.shaping.state() == algorithm.rollouts.shaping.state()
    assert again.rollouts.shaping.state()["reward-kind"]["count"] == len(algorithm.buffer)
