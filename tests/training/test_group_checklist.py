"""Rows G1 to G4 of the checklist for GRPO and RLOO; each docstring says on which broken version it failed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from ppo_parts import two_ranks
from small_training import make_grpo, make_rloo, moved_policy, paid
from torch import Tensor

from dajeong.training.advantages import token_rewards
from dajeong.training.experience import Experience
from dajeong.training.group_advantages import group_relative, leave_one_out
from dajeong.training.losses import clipped_policy, k3

T = TypeVar("T")

# --- G1: what a mean is taken over

CONSTANT = 5


def by_hand(replies: Sequence[Sequence[float]], aggregation: str) -> float:
    """Losses of tokens, a list for each reply → the loss of the step."""
    if aggregation == "token":
        every = [loss for reply in replies for loss in reply]
        return math.fsum(every) / len(every)
    if aggregation == "sequence":
        return math.fsum(math.fsum(reply) / len(reply) for reply in replies) / len(replies)
    return math.fsum(loss for reply in replies for loss in reply) / (len(replies) * CONSTANT)


@pytest.mark.parametrize("micro", [8192, 40])
@pytest.mark.parametrize("aggregation", ["token", "sequence", "constant"])
def test_G1_each_aggregation_is_its_formula(models: Path, wide: None, aggregation: str, micro: int) -> None:
    """Both learned terms, on replies of unequal length, however they are cut into forwards. Failed with the
    weights or the divisor of another mode, and with tokens divided by the replies of their forward.
    """
    chosen: dict[str, Any] = {"aggregation": aggregation, "constant": CONSTANT, "clip_high": 0.1}
    algorithm = make_grpo(models, double=True, micro=micro, mini_batches=1, **chosen)
    (update,) = itertools.islice(algorithm.updates(), 1)
    assert len({len(e.reply) for e in algorithm.buffer}) > 2 and (len(update.batches) == 1) == (micro == 8192)
    sums, weights, seen = dict[str, float](), dict[str, float](), list[Experience]()
    with moved_policy(algorithm.base), torch.no_grad():
        for batch in update.batches:
            terms = algorithm.loss(algorithm.base.model(batch.tokens), batch)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + float(term)
                weights[name] = weights.get(name, 0.0) + batch.weights[name]
        (whole,) = [algorithm._batch(algorithm.buffer)]
        new = algorithm.base.model(whole.tokens).logprobs.split([len(e.reply) for e in algorithm.buffer])
        seen += algorithm.buffer
    policy, pull = list[list[float]](), list[list[float]]()
    for e, logs in zip(seen, new, strict=True):
        held = [e.columns[name].tolist() for name in ("logprobs", "reference", "advantages")]
        tokens = zip(logs.tolist(), *held, strict=True)
        rows = [(math.exp(log - old), ref - log, a) for log, old, ref, a in tokens]
        policy.append([-min(a * q, a * min(max(q, 0.8), 1.1)) for q, _, a in rows])
        pull.append([math.expm1(d) - d for _, d, _ in rows])
    assert sums["policy"] / weights["policy"] == pytest.approx(by_hand(policy, aggregation), abs=1e-9)
    assert sums["kl_loss"] / weights["kl_loss"] == pytest.approx(by_hand(pull, aggregation), abs=1e-9)
    assert sums["kl"] / weights["kl"] == pytest.approx(by_hand(pull, "token"), abs=1e-9)


# --- G2: nothing to learn is nothing, and the deviation can be left out


@pytest.mark.parametrize("make", [make_grpo, make_rloo])
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_G2_a_group_of_equal_rewards_gives_exactly_nothing(models: Path, make: Any, scale: str) -> None:
    """Scores that are equal, and scores that rounding tells apart. Failed without `are_equal`."""
    algorithm = paid(make(models, scale=scale), [0.1, 0.1, 0.1, 0.1 + 2e-8], [1.0, 2.0, 3.0, 4.0])
    found = [e.columns["advantages"] for e in algorithm.experience(0)]
    assert [bool(each.any()) for each in found[:8]] == [False] * 4 + [True] * 4
    assert all(each.tolist() == [0.0] * len(each) for each in found[:4])


def test_G2_the_deviation_is_switchable(models: Path) -> None:
    """Failed where `scale` was ignored: Dr. GRPO's advantages are distances, GRPO's have deviation 1."""
    pay = [1.0, 2.0, 3.0, 6.0]
    for scale, divisor in (("none", 1.0), ("group", math.sqrt(3.5))):
        buffer = paid(make_grpo(models, scale=scale), pay, [0.0, 10.0, 0.0, 0.0]).experience(0)
        found = [float(e.columns["advantages"][0]) for e in buffer[:4]]
        assert found == pytest.approx([(score - 3.0) / divisor for score in pay], rel=1e-3)


# --- G3: a group is judged whole, whoever drew its replies


@pytest.mark.parametrize("make", [make_grpo, make_rloo])
def test_G3_a_group_stays_whole_over_two_processes(models: Path, make: Any) -> None:
    """A group's replies are drawn on both processes, its advantages are those of one, and no optimizer step
    sees a part of it. Failed where replies stood in the order of the processes, and where mini-batches
    were shares of replies.
    """
    alone = make(models).experience(0)
    algorithms = two_ranks(lambda parallel: make(models, parallel))
    for algorithm in algorithms:
        assert [e.reply for e in algorithm.buffer] == [e.reply for e in alone]
        for e, other in zip(algorithm.buffer, alone, strict=True):
            assert torch.allclose(e.columns["advantages"], other.columns["advantages"], atol=1e-4)
        for group in range(0, len(alone), 4):
            credit = sum(float(e.columns["advantages"][0]) for e in algorithm.buffer[group : group + 4])
            assert credit == pytest.approx(0, abs=1e-4)
    steps = [algorithms[0]._picked(0, place) for place in (0, 1)]
    for picked in steps:
        places = [algorithms[0].buffer.index(e) for e in picked]
        assert len(places) == 8 and all(
            group * 4 + k in places for group in {p // 4 for p in places} for k in range(4)
        )
    assert sorted(algorithms[0].buffer.index(e) for picked in steps for e in picked) == list(range(16))


def test_G3_the_order_of_prompts_changes_no_advantage(models: Path) -> None:
    """The same replies with their groups in another order. Failed where groups were cut across."""
    pay = [[1.0, 2.0, 3.0, 6.0], [0.0, 0.5, 0.0, 0.0], [5.0, 5.0, 5.0, 5.0], [-1.0, -3.0, 2.0, 9.0]]
    found = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        buffer = paid(make_grpo(models), *(pay[place] for place in order)).experience(0)
        credit = [float(e.columns["advantages"][0]) for e in buffer]
        found.append({place: credit[4 * i : 4 * i + 4] for i, place in enumerate(order)})
    assert found[0] == found[1]


# --- G4: a language of three words and replies of two, small enough to write out whole

WORDS, BETA = 3, 0.3
REPLIES = list(itertools.product(range(WORDS), repeat=2))
REWARDS = torch.linspace(-1, 2, len(REPLIES), dtype=torch.float64).roll(4) ** 2


def drawn(seed: int) -> Tensor:
    """Logits of the first word, then of the second after each first."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1 + WORDS, WORDS, generator=generator, dtype=torch.float64)


def token_logs(logits: Tensor) -> Tensor:
    """(9, 2): log-probabilities of both words of every reply."""
    logs = logits.log_softmax(dim=-1)
    return torch.stack([torch.stack([logs[0, one], logs[1 + one, two]]) for one, two in REPLIES])


POLICY, REFERENCE = drawn(1), token_logs(drawn(2))


def objective(logits: Tensor) -> Tensor:
    """What RLHF wants more of: the expected reward, less β · KL(π ‖ reference)."""
    logs = token_logs(logits).sum(dim=1)
    return (logs.exp() * (REWARDS - BETA * (logs - REFERENCE.sum(dim=1)))).sum()


def forward_divergence(logits: Tensor) -> Tensor:
    """Σ over prefixes of π(prefix) · KL(reference ‖ π) of the next word, the prefixes' weights held fixed."""
    logs, reference = logits.log_softmax(dim=-1), REFERENCE.view(WORDS, WORDS, 2)
    first = reference[:, 0, 0]
    second = reference[:, :, 1]
    weights = POLICY[0].log_softmax(dim=-1).exp()
    later = (second.exp() * (second - logs[1:])).sum(dim=1)
    return (first.exp() * (first - logs[0])).sum() + (weights * later).sum()


def finite_differences(function: Callable[[Tensor], Tensor]) -> Tensor:
    step, found = 1e-6, torch.zeros_like(POLICY)
    for place in itertools.product(*map(range, POLICY.shape)):
        near = torch.zeros_like(POLICY)
        near[place] = step
        found[place] = (function(POLICY + near) - function(POLICY - near)) / (2 * step)
    return found


def expected_gradient(loss_of: Callable[[Tensor, Sequence[int]], Tensor], size: int) -> Tensor:
    """The mean gradient of a loss over every group of `size` replies, each as often as it is drawn."""
    logits = POLICY.clone().requires_grad_(True)
    logs = token_logs(logits)
    chances = logs.detach().sum(dim=1).exp()
    losses = [
        chances[list(group)].prod() * loss_of(logs, group)
        for group in itertools.product(range(len(REPLIES)), repeat=size)
    ]
    torch.stack(losses).sum().backward()
    assert logits.grad is not None
    return logits.grad


def rloo_loss(
    logs: Tensor, group: Sequence[int], advantages: Callable[..., Tensor] = leave_one_out
) -> Tensor:
    """A reply's mean loss; the divergence is in the reward."""
    old = logs.detach()
    rewards = [token_rewards(float(REWARDS[i]), old[i], REFERENCE[i], BETA).sum() for i in group]
    credit = advantages(torch.stack(rewards)[None], "none")[0]
    parts = [clipped_policy(logs[i], old[i], a.expand(2), 0.2) for i, a in zip(group, credit, strict=True)]
    return torch.stack(parts).mean()


def test_G4_rloo_climbs_the_objective_without_bias() -> None:
    """Against finite differences. Failed with a reply's own reward in its baseline, which is `group_relative`
    and shrinks the gradient by (G − 1) / G, and with the divergence of the last word only.
    """
    wanted = -finite_differences(objective)
    found = expected_gradient(rloo_loss, 2)
    assert torch.allclose(found, wanted, atol=1e-7)
    shrunk = expected_gradient(lambda logs, group: rloo_loss(logs, group, group_relative), 2)
    assert torch.allclose(shrunk, wanted / 2, atol=1e-7) and not torch.allclose(shrunk, wanted)


def test_G4_k3_as_a_loss_has_the_gradient_of_a_divergence() -> None:
    """The mean gradient of k3 over the policy's own words is that of KL(reference ‖ π) word by word, so it
    pulls to the reference. Failed for k1 as a loss, whose mean gradient is 0 wherever the policy stands.
    """
    found = expected_gradient(lambda logs, group: k3(logs[group[0]], REFERENCE[group[0]]), 1)
    assert torch.allclose(found, finite_differences(forward_divergence), atol=1e-7)
    k1 = expected_gradient(lambda logs, group: (logs[group[0]] - REFERENCE[group[0]]).sum(), 1)
    assert torch.allclose(k1, torch.zeros_like(k1), atol=1e-12) and float(found.abs().max()) > 0.01
