"""GRPO and RLOO as algorithms: what is compared, what is learned from, what is left out, what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from small_training import (
    WORDS,
    Scripted,
    Trace,
    make_grpo,
    make_rloo,
    moved_policy,
    optimizer,
    paid,
    same_bytes,
    watch_ratios,
)

from dajeong.errors import QualityProblem
from dajeong.progress import Quiet
from dajeong.records import Decoding
from dajeong.rollout.native import NativeEngine
from dajeong.training.experience import Experience
from dajeong.training.group_advantages import group_relative, leave_one_out
from dajeong.training.group_policy import GroupPolicy
from dajeong.training.group_settings import GrpoSettings, RlooSettings
from dajeong.training.guards import Guards
from dajeong.training.rollout_settings import GuardSettings
from dajeong.training.rollouts import POLICY, REFERENCE
from dajeong.workplace import Workplace

MAKERS = pytest.mark.parametrize("make", [make_grpo, make_rloo])


def credits_of(buffer: Sequence[Experience]) -> list[float]:
    """What each reply is worth; the same on all its tokens."""
    for e in buffer:
        assert len(set(e.columns["advantages"].tolist())) == 1
    return [float(e.columns["advantages"][0]) for e in buffer]


# --- what is compared


@MAKERS
def test_replies_to_a_prompt_stand_side_by_side_and_are_worth_their_distance(models: Path, make: Any) -> None:
    algorithm = make(models)
    buffer = algorithm.experience(0)
    assert len(buffer) == 16 and len({tuple(e.reply) for e in buffer}) > 8
    for start in range(0, 16, 4):
        assert len({tuple(e.prompt) for e in buffer[start : start + 4]}) == 1
    rewards = torch.tensor([e.score for e in buffer], dtype=torch.float64).view(4, 4)
    expected = group_relative(rewards, "group") if make is make_grpo else leave_one_out(rewards, "none")
    assert credits_of(buffer) == pytest.approx(expected.flatten().tolist(), rel=1e-5)


@pytest.mark.parametrize("kl_in", ["loss", "reward"])
def test_the_divergence_is_paid_once(models: Path, kl_in: str) -> None:
    """In the reward it lowers what a reply is compared by; in the loss it is a term of its own."""
    algorithm = make_rloo(models, kl=0.3, kl_in=kl_in)
    assert algorithm.coefficients["kl_loss"] == (0.3 if kl_in == "loss" else 0.0)
    with moved_policy(algorithm.base):
        buffer = algorithm.experience(1)
    gaps = [float((e.columns["logprobs"] - e.columns["reference"]).sum()) for e in buffer]
    assert any(abs(gap) > 0.01 for gap in gaps)
    share = 0.3 if kl_in == "reward" else 0.0
    rewards = torch.tensor([e.score - share * gap for e, gap in zip(buffer, gaps, strict=True)])
    expected = leave_one_out(rewards.view(4, 4).double(), "none").flatten().tolist()
    assert credits_of(buffer) == pytest.approx(expected, abs=1e-4)


@MAKERS
def test_the_journal_tells_how_far_groups_differ(models: Path, make: Any) -> None:
    algorithm = paid(make(models), [1.0] * 4, [0.0, 2.0, 0.0, 2.0], [3.0] * 4, [1.0, 1.0, 1.0, 5.0])
    algorithm.experience(0)
    (entry,) = [note for note in algorithm.notes if note.event == "rollout"]
    assert entry.values["equal_groups"] == 0.5
    assert entry.values["spread"] == pytest.approx((1.0 + 3**0.5) / 4)
    assert {"reward", "kl", "raw/reward-kind"} <= entry.values.keys() and entry.values["kl"] == 0.0


# --- what is learned from


@MAKERS
def test_there_is_no_value_role_and_only_the_policy_is_read_again(models: Path, make: Any) -> None:
    algorithm = make(models)
    model = algorithm.base.model
    assert set(algorithm.groups) == {POLICY} == model.trainable
    (batch,) = next(algorithm.updates()).batches
    tokens = sum(len(e.ids) for e in algorithm._picked(0, 0))
    assert batch.tokens.num_tokens == tokens, "one role reads each token once"


@MAKERS
def test_the_first_step_is_on_policy_and_starts_at_the_reference(
    models: Path, tmp_path: Path, make: Any
) -> None:
    algorithm = make(models, native=True)
    ratios = watch_ratios(algorithm)
    trace = Trace(algorithm, tmp_path)
    assert float((ratios[0] - 1).abs().max()) <= 1e-5
    first = trace.journal[0]["loss"]
    assert first["clip_fraction"] == 0.0 and first["kl_loss"] == pytest.approx(0, abs=1e-9)
    rollouts = [line for line in trace.journal if line["event"] == "rollout"]
    assert rollouts[0]["kl"] == 0.0 != rollouts[1]["kl"]
    assert not same_bytes(
        dict(algorithm.base.model.parameters_of(POLICY)), dict(algorithm.base.model.parameters_of(REFERENCE))
    )


def test_every_group_is_learned_whole_and_once_a_pass(models: Path) -> None:
    algorithm = make_grpo(models, prompts_per_update=6, mini_batches=3, epochs=2)
    algorithm.buffer = algorithm.experience(0)
    passes = []
    for epoch in (0, 1):
        steps = [algorithm._picked(0, 3 * epoch + place) for place in range(3)]
        groups = [{algorithm.buffer.index(e) // 4 for e in picked} for picked in steps]
        assert [len(picked) for picked in steps] == [8, 8, 8] and all(len(found) == 2 for found in groups)
        assert set.union(*groups) == set(range(6))
        passes.append(groups)
    assert passes[0] != passes[1]


def test_clip_higher_lets_ratios_rise_further_than_they_fall(models: Path) -> None:
    found = []
    for high in (None, 0.2, 10.0):
        algorithm = make_grpo(models, mini_batches=1, clip=0.2, clip_high=high)
        (batch,) = next(algorithm.updates()).batches
        with moved_policy(algorithm.base), torch.no_grad():
            terms = algorithm.loss(algorithm.base.model(batch.tokens), batch)
        found.append((float(terms["policy"]), float(terms["clip_fraction"])))
    assert found[0] == found[1] and found[2][0] < found[0][0] and found[2][1] < found[0][1]


# --- equal groups

FLAT, ROUGH = [1.0] * 4, [0.0, 1.0, 2.0, 5.0]


@MAKERS
def test_a_group_of_equal_rewards_is_left_out_where_that_is_asked_for(models: Path, make: Any) -> None:
    weights = []
    for leave_out in (False, True):
        algorithm = paid(make(models, filter_equal=leave_out, mini_batches=1), FLAT, ROUGH, FLAT, ROUGH)
        (batch,) = next(algorithm.updates()).batches
        kept = [0, 1, 2, 3] if not leave_out else [1, 3]
        assert {algorithm.buffer.index(e) // 4 for e in algorithm._picked(0, 0)} == set(kept)
        weights.append(batch.weights["policy"])
        (entry,) = [note for note in algorithm.notes if note.event == "rollout"]
        assert entry.values["equal_groups"] == 0.5, "counted either way"
    assert weights == [16.0, 8.0], "what is left out does not count in means either"


class Told(Quiet):
    def __init__(self) -> None:
        self.said: list[tuple[str, Mapping[str, object]]] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append((code, parameters))


def flat_after_the_first(algorithm: GroupPolicy) -> GroupPolicy:
    """From the second rollout on, every reply earns the same."""
    draw = algorithm.rollouts.experience

    def scored(rollout: int) -> list[Experience]:
        buffer = draw(rollout)
        for place, e in enumerate(buffer):
            e.score = 1.0 if rollout else float(place)
        return buffer

    algorithm.rollouts.experience = scored  # type: ignore[assignment, method-assign]
    return algorithm


@pytest.mark.parametrize("leave_out", [False, True])
@MAKERS
def test_with_nothing_left_to_learn_nothing_moves_and_it_is_said(
    models: Path, tmp_path: Path, make: Any, leave_out: bool
) -> None:
    """Not even by momentum. A divergence in the reward would still tell replies apart, so there is none."""
    algorithm = make(models, filter_equal=leave_out, kl=0.0)
    algorithm.progress = told = Told()
    before = Trace(flat_after_the_first(algorithm), tmp_path)
    (said,) = told.said
    assert said == ("rollout-equal", {"rollout": 2, "replies": 16})
    rates = [line["lr"][POLICY] for line in before.journal if line["event"] == "update"]
    assert all(rates[:4]) and not any(rates[4:])
    norms = [line["grad_norm"][POLICY] for line in before.journal if line["event"] == "update"]
    assert all(norms[:4]) and not any(norms[4:])


def test_the_pull_to_the_reference_is_learned_where_rewards_are_equal(models: Path, tmp_path: Path) -> None:
    trace = Trace(flat_after_the_first(make_grpo(models, kl=0.5)), tmp_path)
    updates = [line for line in trace.journal if line["event"] == "update"]
    assert all(line["lr"][POLICY] and line["grad_norm"][POLICY] for line in updates[4:])
    pulls = [line["loss"]["kl_loss"] for line in updates[4:]]
    assert pulls[-1] < pulls[0] and all(line["loss"]["policy"] == 0.0 for line in updates[4:])


@MAKERS
def test_equal_rewards_from_the_start_are_refused_before_anything_is_learned(models: Path, make: Any) -> None:
    algorithm = paid(make(models), *[[0.3] * 4] * 4)
    with pytest.raises(QualityProblem) as caught:
        next(algorithm.updates())
    assert caught.value.code == "groups-equal" and caught.value.exit_code == 6
    assert caught.value.parameters == {"replies": 16, "reward": pytest.approx(0.3)}


# --- bad input


@pytest.mark.parametrize("kind", [GrpoSettings, RlooSettings])
@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"replies_per_prompt": 1}, "replies_per_prompt must be at least 2"),
        ({"decoding": {"temperature": 0}}, "temperature must be above 0"),
        ({"decoding": {"top_p": 0.9}}, "top_p 1"),
        ({"prompts_per_update": 2, "mini_batches": 3}, "must not exceed prompts_per_update"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_reason(
    kind: type[GrpoSettings], changed: dict[str, Any], word: str
) -> None:
    with pytest.raises(ValidationError, match=word):
        kind(rewards={"r": 1.0}, **changed)


# --- guards, and a world with a rule


def test_guards_watch_a_group_policy_and_change_nothing(models: Path, tmp_path: Path) -> None:
    without = Trace(make_grpo(models), tmp_path / "without")
    algorithm = make_grpo(models)
    work = Workplace(run=tmp_path / "watched", name="step", seed=3)
    algorithm.rollouts.guards = Guards(GuardSettings(every=1), work)
    watched = Trace(algorithm, tmp_path / "watched")
    assert same_bytes(without.tensors, watched.tensors)
    assert [line["rollout"] for line in watched.journal if line["event"] == "guard"] == [1, 2]


def test_an_idle_batch_has_no_weight_and_no_gradient(models: Path) -> None:
    algorithm = make_grpo(models)
    algorithm.buffer = algorithm.experience(0)
    batch = algorithm._batch([])
    assert set(batch.weights.values()) == {0.0}
    terms = algorithm.loss(algorithm.base.model(batch.tokens), batch)
    (terms["policy"] + terms["kl_loss"]).backward()
    for parameter in algorithm.base.model.parameters_of(POLICY).values():
        assert parameter.grad is not None and not parameter.grad.any()


def ruled(algorithm: GroupPolicy) -> GroupPolicy:
    """A reply earns the share of its words that are liked: a quarter of all, alike in one number."""
    draw, likeness = algorithm.rollouts.experience, algorithm.base.model.head.get_parameter("weight")[:, 0]
    liked = set(sorted(WORDS, key=lambda word: float(likeness[word]))[-64:])

    def scored(rollout: int) -> list[Experience]:
        buffer = draw(rollout)
        for e in buffer:
            e.score = sum(token in liked for token in e.reply) / len(e.reply)
        return buffer

    algorithm.rollouts.experience = scored  # type: ignore[assignment, method-assign]
    return algorithm


@pytest.mark.parametrize(
    ("make", "changed"),
    [
        (make_grpo, {}),
        (make_grpo, {"scale": "none", "aggregation": "constant", "kl": 0.0}),
        (make_grpo, {"aggregation": "token", "clip_high": 0.28, "filter_equal": True, "kl": 0.0}),
        (make_rloo, {}),
    ],
    ids=["grpo", "dr-grpo", "dapo", "rloo"],
)
def test_the_reward_rises_in_a_world_with_a_rule(
    models: Path, tmp_path: Path, make: Any, changed: dict[str, Any]
) -> None:
    few: dict[str, Any] = {"updates": 10, "prompts_per_update": 8, "epochs": 1, "mini_batches": 1}
    few |= {
        "optimizer": optimizer(learning_rate=0.05),
        "decoding": Decoding(temperature=0.4, max_new_tokens=6),
    }
    algorithm = ruled(make(models, **few, **changed))
    algorithm.rollouts.engine = NativeEngine(algorithm.base.model)
    trace = Trace(algorithm, tmp_path)
    rewards = [line["reward"] for line in trace.journal if line["event"] == "rollout"]
    assert rewards[0] < 0.3 and sum(rewards[-3:]) / 3 > rewards[0] + 0.1, rewards


def test_replies_of_one_token_can_be_learned_from(models: Path, tmp_path: Path) -> None:
    class Curt(Scripted):
        def generate(self, requests: Any, on_token: Any = None) -> Any:
            found = super().generate(requests, on_token)
            return [c._replace(ids=c.ids[:1], logprobs=c.logprobs[:1]) for c in found]

    algorithm = make_grpo(models)
    algorithm.rollouts.engine = Curt()
    trace = Trace(algorithm, tmp_path)
    assert all(bool(torch.isfinite(each).all()) for each in trace.tensors.values())
