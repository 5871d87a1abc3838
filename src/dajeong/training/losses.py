"""Losses as pure functions over tensors: sums, never means; the loop divides. N tokens, P pairs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def negative_log_likelihood(logprobs: Tensor) -> Tensor:
    """logprobs (N,) of the learned tokens → Σ −log p."""
    return -logprobs.sum()


def ranking(
    better: Tensor,
    worse: Tensor,
    weights: Tensor,
    labels: Tensor | None = None,
    margins: Tensor | None = None,
) -> Tensor:
    """Bradley–Terry over pairs: all (P,) → Σ w · −[p log σ(r₊ − r₋ − m) + (1 − p) log σ(r₋ − r₊ + m)].

    With w = 1 / C(K, 2) for every pair of a prompt this is InstructGPT's K-wise loss (Ouyang et al. 2022, eq.
    1); m is Llama 2's margin (Touvron et al. 2023, eq. 2), p the probability that the first is better, ½ for
    a tie; `logsigmoid` stays finite where log(1 + exp) overflows.
    """
    gap = better - worse if margins is None else better - worse - margins
    if labels is None:
        return -(weights * logsigmoid(gap)).sum()
    return -(weights * (labels * logsigmoid(gap) + (1 - labels) * logsigmoid(-gap))).sum()


def centring(better: Tensor, worse: Tensor, weights: Tensor) -> Tensor:
    """Σ w · (r₊ + r₋)², which keeps rewards near 0 (Eisenstein et al. 2023, §4)."""
    return (weights * (better + worse).square()).sum()


def clipped_policy(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    clip: float,
    clip_high: float | None = None,
    dual: float | None = None,
) -> Tensor:
    """All (N,) over reply tokens → Σ max(−A·ρ, −A·clip(ρ, 1 ± ε)) (Schulman et al. 2017, eq. 7).

    `clip_high` is an ε of its own for 1 + ε (Yu et al. 2025 (DAPO), §3.1: clip-higher). With `dual` no token
    of a bad reply costs more than −A·dual, however likely it has become (Ye et al. 2020, eq. 5: dual-clip).
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - clip, 1 + (clip if clip_high is None else clip_high))
    losses = torch.maximum(-advantages * ratio, -advantages * clipped)
    if dual is not None:
        losses = torch.where(advantages < 0, torch.minimum(losses, -advantages * dual), losses)
    return losses.sum()


def clipped_value(values: Tensor, old_values: Tensor, returns: Tensor, clip: float) -> Tensor:
    """All (N,) → ½ Σ max((V − R)², (clip(V, V_old ± ε) − R)²), as in OpenAI's lm-human-preferences."""
    near = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns).square(), (near - returns).square()).sum()


def clip_fraction(
    logprobs: Tensor, old_logprobs: Tensor, clip: float, clip_high: float | None = None
) -> Tensor:
    """(N,), (N,) → number of tokens whose ratio left 1 ± ε."""
    beyond = (logprobs - old_logprobs).exp() - 1
    if clip_high is None:
        return beyond.abs().gt(clip).float().sum()
    return (beyond.gt(clip_high) | beyond.lt(-clip)).float().sum()


def k3(logprobs: Tensor, reference: Tensor, weights: Tensor | None = None) -> Tensor:
    """(N,), (N,) → Σ w · (e^d − 1 − d), d = log π_ref − log π: the KL estimate k3 (Schulman 2020); w is 1."""
    difference = reference - logprobs
    terms = difference.exp() - 1 - difference
    return (terms if weights is None else weights * terms).sum()
