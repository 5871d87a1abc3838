"""From rewards to advantages: pure functions over one reply or one buffer."""

from __future__ import annotations

import torch
from torch import Tensor


def token_rewards(score: float, logprobs: Tensor, reference: Tensor, kl: float) -> Tensor:
    """score of the whole reply, logprobs and reference (T,) → (T,): −kl · (log π − log π_ref), score on the
    last token.

    The last token is the EOS where there is one (Stiennon et al. 2020, §3.4; KL inside the reward, estimator
    k1).
    """
    rewards = -kl * (logprobs - reference)
    rewards[-1] += score
    return rewards


def generalised_advantages(
    rewards: Tensor, values: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """rewards, values (T,) of one reply → advantages, returns (T,) (Schulman et al. 2016, eq. 16).

    values[t] is V of the state before token t. After the last token there is nothing: a reply cut at its
    limit is a finished episode that has paid the missing-EOS penalty, so it is not bootstrapped.
    """
    advantages = torch.empty_like(rewards)
    carried, following = 0.0, 0.0
    pairs = list(zip(rewards.tolist(), values.tolist(), strict=True))
    for step in range(len(pairs) - 1, -1, -1):
        reward, value = pairs[step]
        carried = reward + gamma * following - value + gamma * lam * carried
        advantages[step] = carried
        following = value
    return advantages, advantages + values


def whiten(numbers: Tensor) -> Tensor:
    """(N,) of every process's reply tokens → mean 0, deviation 1."""
    return (numbers - numbers.mean()) / (numbers.var(unbiased=False) + 1e-8).sqrt()
