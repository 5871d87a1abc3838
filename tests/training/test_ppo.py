"""Proximal policy optimisation: which prompts, which credit, which tokens; checked against sums by hand."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import END, Scripted, drawn_prompts, make_ppo, ppo_base, ppo_settings

from dajeong.models.adapters import AdapterNotes
from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import rewards_of
from dajeong.training.critic import VALUE
from dajeong.training.experience import Experience, from_state, to_state
from dajeong.training.ppo import Ppo
from dajeong.training.rollouts import POLICY, REFERENCE, Rollouts


@pytest.fixture(scope="module")
def algorithm(models: Path) -> Ppo:
    return make_ppo(models)


@pytest.fixture(scope="module")
def buffer(algorithm: Ppo) -> list[Experience]:
    found = algorithm.experience(0)
    algorithm.notes = []
    return found


def other(algorithm: Ppo, notes: dict[str, AdapterNotes] | None = None, **changed: Any) -> Ppo:
    """The same roles under other settings."""
    was, settings = algorithm.rollouts, ppo_settings(**changed)
    rewards = notes or was.rewards
    return Ppo(Rollouts(was.base, was.prompts, rewards, was.stops, settings, 3, was.engine), settings)


# --- prompts and replies


@pytest.mark.parametrize("size", [1, 3, 7, 10, 16, 25])
def test_prompts_come_from_an_endless_shuffle(algorithm: Ppo, size: int) -> None:
    """Laid end to end, every stretch of ten is all ten prompts."""
    drawn = other(algorithm, prompts_per_update=size, mini_batches=1)
    rollouts = [[prompt.name for prompt in drawn.rollouts.chosen(rollout)] for rollout in range(30)]
    assert all(len(names) == size for names in rollouts)
    stream = [name for names in rollouts for name in names]
    names = Counter(prompt.name for prompt in algorithm.rollouts.prompts)
    epochs = [stream[start : start + 10] for start in range(0, len(stream) - 9, 10)]
    assert all(Counter(epoch) == names for epoch in epochs)
    assert len(epochs) == 1 or epochs[0] != epochs[1]


def test_a_rollout_can_be_drawn_again(algorithm: Ppo, buffer: list[Experience]) -> None:
    again = algorithm.experience(0)
    algorithm.notes = []
    assert [(e.prompt, e.reply) for e in again] == [(e.prompt, e.reply) for e in buffer]
    assert [(e.prompt, e.reply) for e in algorithm.experience(1)] != [(e.prompt, e.reply) for e in buffer]
    algorithm.notes = []


def test_a_reply_is_learned_with_its_end_and_valued_before_each_token() -> None:
    ended = Experience([5, 6, 7], [8, 9, END], True)
    assert ended.ids == [5, 6, 7, 8, 9, END]
    assert ended.learn == [False, False, False, True, True, True]
    assert list(ended.value_at) == [2, 3, 4], "the state before a token is where the token before it was read"
    assert list(Experience([5], [8], False).value_at) == [0]


# --- scores


def test_values_start_as_the_normalised_answers_of_the_first_reward(models: Path, algorithm: Ppo) -> None:
    """At any place of a reply the value says what the reward model would: same adapter, head and scale."""
    base, notes = ppo_base(models)
    ids = drawn_prompts()[0].ids
    places = list(range(len(ids)))
    with torch.no_grad():
        outputs = base.model(
            pack([Sequence_(ids, role, value_at=places) for role in ("reward-kind", VALUE)])
        ).values
    assert torch.equal(outputs["reward-kind"], outputs[VALUE])
    first = notes["reward-kind"]
    normal = (outputs["reward-kind"] - first.reward_mean) / first.reward_deviation
    assert torch.allclose(algorithm.critic.normal(outputs[VALUE]), normal)
    assert first.reward_mean != 0 and first.reward_deviation != 1, "or this would show nothing"


def test_raw_rewards_are_those_of_the_reward_model_on_its_own(
    algorithm: Ppo, buffer: list[Experience]
) -> None:
    for role in ("reward-kind", "reward-firm"):
        alone = rewards_of(algorithm.base.model, role, [e.ids for e in buffer], 10_000)
        assert [e.rewards[role] for e in buffer] == pytest.approx(alone, abs=1e-5)


def test_what_is_longer_than_a_reward_model_knows_loses_its_front_as_in_training(
    algorithm: Ppo, buffer: list[Experience]
) -> None:
    short = {
        role: notes.model_copy(update={"max_tokens": 8}) for role, notes in algorithm.rollouts.rewards.items()
    }
    cut = other(algorithm, short).experience(0)
    assert max(len(e.ids) for e in cut) > 8
    alone = rewards_of(algorithm.base.model, "reward-kind", [e.ids[-8:] for e in cut], 10_000)
    assert [e.rewards["reward-kind"] for e in cut] == pytest.approx(alone, abs=1e-5)
    for e, whole in zip(cut, buffer, strict=True):
        assert torch.equal(e.columns["logprobs"], whole.columns["logprobs"])


@pytest.mark.parametrize("ended", [True, False])
def test_the_score_is_normalised_clipped_weighted_and_penalised(algorithm: Ppo, ended: bool) -> None:
    notes = {
        "reward-kind": AdapterNotes(role="reward", reward_mean=2.0, reward_deviation=0.5),
        "reward-firm": AdapterNotes(role="reward", reward_mean=-1.0, reward_deviation=4.0),
    }
    settings = {"rewards": {"kind": 0.7, "firm": -2.0}, "reward_clip": 3.0, "missing_eos_penalty": 1.5}
    scored = other(algorithm, notes, **settings)
    e = Experience([5], [6], ended, rewards={"reward-kind": 2.25, "reward-firm": 7.0})
    assert scored.rollouts.shaping.score(e) == pytest.approx(0.7 * 0.5 - 2.0 * 2.0 - (0 if ended else 1.5))
    e.rewards = {"reward-kind": 100.0, "reward-firm": -1000.0}
    assert scored.rollouts.shaping.score(e) == pytest.approx(0.7 * 3.0 + 2.0 * 3.0 - (0 if ended else 1.5))


def test_a_reply_cut_at_its_limit_is_penalised_once_and_counted(algorithm: Ppo) -> None:
    free, dear = (other(algorithm, missing_eos_penalty=penalty) for penalty in (0.0, 2.0))
    pairs = list(zip(free.experience(0), dear.experience(0), strict=True))
    assert {one.ended for one, _ in pairs} == {True, False}
    for one, two in pairs:
        assert one.score - two.score == pytest.approx(0.0 if one.ended else 2.0)
        assert one.ended == (one.reply[-1] == END)
    (entry,) = [note for note in dear.notes if note.event == "rollout"]
    assert entry.values["eos_share"] == pytest.approx(sum(two.ended for _, two in pairs) / len(pairs))


# --- credit


def test_advantages_follow_from_scores_values_and_divergence(
    algorithm: Ppo, buffer: list[Experience]
) -> None:
    """The policy is moved first, so that there is a divergence to pay for."""
    moved = other(algorithm, kl=0.3, gamma=0.9, lam=0.8)
    layer = next(iter(algorithm.base.model.role_layers().values()))
    before = layer.B[POLICY].detach().clone()
    try:
        with torch.no_grad():
            layer.B[POLICY].add_(0.5)
        found = moved.experience(1)
    finally:
        with torch.no_grad():
            layer.B[POLICY].copy_(before)
    raw = []
    for e in found:
        gaps = e.columns["logprobs"] - e.columns["reference"]
        assert gaps.any()
        rewards = [-0.3 * gap for gap in gaps.tolist()]
        rewards[-1] += moved.rollouts.shaping.score(e)
        values = [*e.columns["values"].tolist(), 0.0]
        deltas = [r + 0.9 * values[t + 1] - values[t] for t, r in enumerate(rewards)]
        credit = [
            math.fsum((0.9 * 0.8) ** (later - t) * deltas[later] for later in range(t, len(deltas)))
            for t in range(len(deltas))
        ]
        returns = [a + v for a, v in zip(credit, values[:-1], strict=True)]
        assert e.columns["returns"].tolist() == pytest.approx(returns, abs=1e-4)
        raw += credit
    whitened = torch.cat([e.columns["advantages"] for e in found])
    numbers = torch.tensor(raw, dtype=torch.float64)
    expected = (numbers - numbers.mean()) / numbers.std(unbiased=False)
    assert whitened.tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    (entry,) = [note for note in moved.notes if note.event == "rollout"]
    total = sum(float((e.columns["logprobs"] - e.columns["reference"]).sum()) for e in found)
    assert entry.values["kl"] == pytest.approx(total / len(found), rel=1e-4)


def test_values_are_read_before_each_token(algorithm: Ppo, buffer: list[Experience]) -> None:
    model, scale = algorithm.base.model, algorithm.critic.scale
    for e in buffer[:4]:
        batch = pack([Sequence_(e.ids, VALUE)])
        with torch.no_grad():
            hidden = model.hidden(batch.ids, batch.positions, batch.layout)[0]
            values = hidden @ model.score(VALUE)[0]
        before = values[len(e.prompt) - 1 : -1]
        expected = (before - scale.reward_mean) / scale.reward_deviation
        assert e.columns["values"].tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_log_probabilities_are_those_of_the_sampling_temperature(
    algorithm: Ppo, buffer: list[Experience]
) -> None:
    """Against softmax(logits / T) of the policy, token by token, over the whole vocabulary."""
    model: RoleModel = algorithm.base.model
    for e in buffer[:4]:
        ids = torch.tensor([e.ids])
        batch = pack([Sequence_(e.ids, POLICY)])
        with torch.no_grad():
            hidden = model.hidden(ids, batch.positions, batch.layout)
            logs = (model.logits(hidden)[0] / 0.8).log_softmax(-1)
        expected = [float(logs[place, token]) for place, token in zip(e.value_at, e.reply, strict=True)]
        assert e.columns["logprobs"].tolist() == pytest.approx(expected, abs=1e-5)


# --- what is learned from


def test_every_reply_is_learned_once_an_epoch(models: Path) -> None:
    algorithm = make_ppo(models, micro=60, mini_batches=3, epochs=2)
    seen: list[list[int]] = [[], []]
    for place in range(6):
        algorithm.buffer = algorithm.buffer or algorithm.experience(0)
        for part in algorithm.forwards.micro_batches(algorithm.buffer, 0, place, 60):
            lengths = [2 * len(e.ids) for e in part]
            assert len(part) == 1 or sum(lengths) <= 60, "policy and value both cost tokens"
            seen[place // 3] += [algorithm.buffer.index(e) for e in part]
    assert [sorted(epoch) for epoch in seen] == [list(range(16))] * 2
    assert seen[0] != seen[1]


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_a_mini_batch_evenly(models: Path, world: int) -> None:
    algorithm = make_ppo(models, micro=40)
    algorithm.buffer = algorithm.experience(0)
    whole = [e for part in algorithm.forwards.micro_batches(algorithm.buffer, 0, 0, 40) for e in part]
    parts = []
    for rank in range(world):
        algorithm.rollouts.parallel = type("Share", (), {"rank": rank, "world": world})()
        parts.append(algorithm.forwards.micro_batches(algorithm.buffer, 0, 0, 40))
    assert len({len(mine) for mine in parts}) == 1
    together = [algorithm.buffer.index(e) for mine in parts for part in mine for e in part]
    assert sorted(together) == sorted(algorithm.buffer.index(e) for e in whole)


def test_an_idle_batch_has_no_weight_no_loss_and_only_zero_gradients(models: Path) -> None:
    algorithm = make_ppo(models)
    algorithm.buffer = algorithm.experience(0)
    model = algorithm.base.model
    (batch,) = algorithm.forwards.of([], algorithm.buffer[0].ids[:2])
    assert set(batch.weights.values()) == {0.0}
    terms = algorithm.loss(model(batch.tokens), batch)
    assert all(float(term.detach()) == 0.0 for term in terms.values())
    (terms["policy"] + terms["value"]).backward()
    for role in (POLICY, VALUE):
        for parameter in model.parameters_of(role).values():
            assert parameter.grad is not None and not parameter.grad.any()


def test_roles_that_judge_are_frozen_and_nothing_drops(algorithm: Ppo) -> None:
    model = algorithm.base.model
    for role in (REFERENCE, "reward-kind", "reward-firm"):
        assert not any(parameter.requires_grad for parameter in model.parameters_of(role).values())
    for role in (POLICY, VALUE):
        assert all(parameter.requires_grad for parameter in model.parameters_of(role).values())
    assert not any(module.training for module in model.base.modules())


# --- memory


def test_a_rollout_survives_the_disk(buffer: list[Experience]) -> None:
    tensors, values = to_state(buffer)
    again = from_state(tensors, values)
    assert len(again) == len(buffer)
    for one, two in zip(buffer, again, strict=True):
        assert (one.prompt, one.reply, one.ended, one.rewards, one.score) == (
            two.prompt,
            two.reply,
            two.ended,
            two.rewards,
            two.score,
        )
        assert one.columns.keys() == two.columns.keys() and one.columns
        assert all(torch.equal(one.columns[name], two.columns[name]) for name in one.columns)
    assert to_state([]) == ({}, [])


def test_replies_of_one_token_can_be_learned_from(models: Path) -> None:
    class Curt(Scripted):
        def generate(self, requests: Any, on_token: Any = None) -> Any:
            found = super().generate(requests, on_token)
            return [c._replace(ids=c.ids[:1], logprobs=c.logprobs[:1]) for c in found]

    algorithm = make_ppo(models)
    algorithm.rollouts.engine = Curt()
    for e in algorithm.experience(0):
        assert len(e.reply) == 1
        assert all(bool(torch.isfinite(column).all()) for column in e.columns.values())
