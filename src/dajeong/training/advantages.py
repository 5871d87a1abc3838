"""From rewards to advantages: pure functions over one reply or one buffer."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

KlEstimator = Literal["k1", "k2", "k3"]


def divergence(logprobs: Tensor, reference: Tensor, estimator: KlEstimator) -> Tensor:
    """(T,), (T,) of tokens drawn from π → an estimate of KL(π, π_ref) at each of them (Schulman 2020).

    With d = log π − log π_ref: k1 = d, without bias and sometimes negative; k2 = ½ d², never negative, with a
    bias; k3 = e^−d − 1 + d, neither.
    """
    gap = logprobs - reference
    if estimator == "k1":
        return gap
    return 0.5 * gap.square() if estimator == "k2" else (-gap).exp() - 1 + gap


def token_rewards(
    score: float, logprobs: Tensor, reference: Tensor, kl: float, estimator: KlEstimator = "k1"
) -> Tensor:
    """score of the whole reply, logprobs and reference (T,) → (T,): −kl · divergence, score on the last.

    The last token is the EOS where there is one (Stiennon et al. 2020, §3.4: KL inside the reward).
    """
    rewards = -kl * divergence(logprobs, reference, estimator)
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


def explained_variance(values: Tensor, returns: Tensor) -> float:
    """(N,), (N,) → 1 − Var(R − V) / Var(R): 1 for a critic that knows all, 0 for one that knows the mean."""
    spread = float(returns.var(unbiased=False))
    return 1 - float((returns - values).var(unbiased=False)) / spread if spread else 0.0


def whiten(numbers: Tensor) -> Tensor:
    """(N,) of every process's reply tokens → mean 0, deviation 1."""
    return (numbers - numbers.mean()) / (numbers.var(unbiased=False) + 1e-8).sqrt()
