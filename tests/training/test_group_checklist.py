"""Rows G1 to G4 of the checklist for GRPO and RLOO; each docstring says on which broken version it failed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from dajeong.training.advantages import token_rewards
from dajeong.training.group_advantages import group_relative, leave_one_out
from dajeong.training.losses import clipped_policy, k3

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
    """The mean gradient of a loss over every group of `size` replies, each as often as the policy draws it."""
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


def rloo_loss(logs: Tensor, group: Sequence[int], advantages: Callable[..., Tensor] = leave_one_out) -> Tensor:
    """A reply's mean loss; the divergence is in the reward."""
    old = logs.detach()
    rewards = [token_rewards(float(REWARDS[i]), old[i], REFERENCE[i], BETA).sum() for i in group]
    credit = advantages(torch.stack(rewards)[None], "none")[0]
    parts = [clipped_policy(logs[i], old[i], a.expand(2), 0.2) for i, a in zip(group, credit, strict=True)]
    return torch.stack(parts).mean()


@pytest.mark.parametrize("size", [2, 3])
def test_G4_rloo_climbs_the_objective_without_bias(size: int) -> None:
    """Against finite differences. Fails with `group_relative` in place of `leave_one_out` (shrunk by
    (G − 1) / G), with the divergence of the last word only, and with a reply's own reward in its baseline.
    """
    wanted = -finite_differences(objective)
    found = expected_gradient(rloo_loss, size)
    assert torch.allclose(found, wanted, atol=1e-7)
    shrunk = expected_gradient(lambda logs, group: rloo_loss(logs, group, group_relative), size)
    assert torch.allclose(shrunk, wanted * (size - 1) / size, atol=1e-7) and not torch.allclose(shrunk, wanted)


def test_G4_k3_as_a_loss_has_the_gradient_of_a_divergence() -> None:
    """The mean gradient of k3 over the policy's own words is that of KL(reference ‖ π) word by word, so it
    pulls to the reference. Fails for k1 as a loss, whose mean gradient is 0 wherever the policy stands.
    """
    found = expected_gradient(lambda logs, group: k3(logs[group[0]], REFERENCE[group[0]]), 1)
    assert torch.allclose(found, finite_differences(forward_divergence), atol=1e-7)
    k1 = expected_gradient(lambda logs, group: (logs[group[0]] - REFERENCE[group[0]]).sum(), 1)
    assert torch.allclose(k1, torch.zeros_like(k1), atol=1e-12) and float(found.abs().max()) > 0.01
