"""From the rewards of several replies to one prompt to their advantages, with no value role: pure functions.

Rewards are (P, G): a row for each prompt, a column for each of its replies. How the tokens of a reply share
its loss stands here too. Knows no token and no model.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Scale = Literal["group", "batch", "none"]
Aggregation = Literal["token", "sequence", "constant"]

EQUAL = 1e-5
"""Rewards of a prompt that differ by less are one reward. The same reply read in two forwards differs by
rounding alone; divided by its own deviation, that rounding would be an advantage like any other."""
STEADY = 1e-4
"""Added to a deviation that divides, so that hardly different rewards make small advantages."""


def are_equal(rewards: Tensor) -> Tensor:
    """(P, G) → (P,): whether nothing can be learned from a prompt, since its replies all earn the same."""
    return rewards.amax(dim=1) - rewards.amin(dim=1) < EQUAL


def group_relative(rewards: Tensor, scale: Scale) -> Tensor:
    """(P, G) → (P, G): r − mean of the prompt's rewards, divided by their deviation.

    Shao et al. 2024 (GRPO), §4.1.2, Â = (r − mean(r)) / std(r); with `none` it is Dr. GRPO's r − mean(r)
    (Liu et al. 2025, §3), which does not weigh a prompt more the more alike its replies are. `batch` divides
    by the deviation of all the rollout's rewards.
    """
    return _scaled(rewards - rewards.mean(dim=1, keepdim=True), rewards, scale)


def leave_one_out(rewards: Tensor, scale: Scale) -> Tensor:
    """(P, G) → (P, G): r_i − mean of the prompt's other rewards (RLOO: Ahmadian et al. 2024).

    The baseline of a reply never saw the reply, so the gradient has no bias.
    """
    others = rewards.shape[1] - 1
    baselines = (rewards.sum(dim=1, keepdim=True) - rewards) / others
    return _scaled(rewards - baselines, rewards, scale)


def _scaled(advantages: Tensor, rewards: Tensor, scale: Scale) -> Tensor:
    """Divided as `scale` says; exactly 0 where a prompt's rewards are equal."""
    if scale == "group":
        advantages = advantages / (rewards.std(dim=1, keepdim=True, correction=0) + STEADY)
    elif scale == "batch":
        advantages = advantages / (rewards.std(correction=0) + STEADY)
    return torch.where(are_equal(rewards)[:, None], torch.zeros_like(advantages), advantages)


def weights_of(length: int, aggregation: Aggregation, constant: int) -> tuple[float, float]:
    """A reply's number of tokens → (weight of each of its tokens, what the reply adds to the divisor).

    The loss is Σ_i w_i Σ_t l_it / Σ_i W_i over the replies i of an optimizer step:
    `token`: Σ l / all tokens, so a long reply counts more (Yu et al. 2025 (DAPO), §3.3);
    `sequence`: mean over replies of their mean, so a long reply counts no more (Shao et al. 2024, eq. 3);
    `constant`: Σ l / (replies · constant), the same for every token (Liu et al. 2025 (Dr. GRPO), §3).
    """
    if aggregation == "token":
        return 1.0, float(length)
    if aggregation == "sequence":
        return 1.0 / length, 1.0
    return 1.0 / constant, 1.0
