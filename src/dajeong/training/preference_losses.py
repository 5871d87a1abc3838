"""Losses over preferences as pure functions: sums, never means; the loop divides. P pairs, S answers.

Knows no batch and no model. What goes in are log-probabilities of whole answers, or rewards made of them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

ROUNDING = 1e-5
"""Nats within which two models say the same: at the start it would be chance which of them is ahead."""
NEAR_ONE = -1e-6
"""Largest mean log-probability whose odds are read: at p = 1 they are infinite."""


def by_answer(logprobs: Tensor, sizes: list[int]) -> Tensor:
    """logprobs (N,) of answers end to end, `sizes` their numbers of tokens → (S,), log p(answer | prompt)."""
    return torch.stack([answer.sum() for answer in logprobs.split(sizes)])


def direct(leads: Tensor, weights: Tensor, smoothing: float = 0.0) -> Tensor:
    """leads, weights (P,) → Σ w · (−(1 − ε) log σ(lead) − ε log σ(−lead)).

    With lead = β (log π(y₊)/π_ref(y₊) − log π(y₋)/π_ref(y₋)) and ε = 0 it is DPO (Rafailov et al. 2023, eq.
    7); ε > 0 is conservative DPO (Mitchell 2023, eq. 3). With lead = β (mean log π(y₊) − mean log π(y₋)) − γ
    it is SimPO (Meng et al. 2024, eq. 6).
    """
    return -(weights * ((1 - smoothing) * logsigmoid(leads) + smoothing * logsigmoid(-leads))).sum()


def identity(gaps: Tensor, weights: Tensor, tau: float) -> Tensor:
    """gaps h = log π(y₊)/π_ref(y₊) − log π(y₋)/π_ref(y₋), weights (P,) → Σ w · (h − 1/(2τ))² (Azar et al.
    2023, eq. 17).
    """
    return (weights * (gaps - 1 / (2 * tau)).square()).sum()


def num_right(gaps: Tensor) -> Tensor:
    """gaps (P,) in nats → how many are above 0; those of equal models count half."""
    near = gaps.detach().abs() <= ROUNDING
    return (gaps.detach()[~near] > 0).float().sum() + 0.5 * near.float().sum()


def prospect(ratios: Tensor, signs: Tensor, weights: Tensor, z: Tensor, beta: float) -> Tensor:
    """ratios r = log π/π_ref, signs (+1 desirable, −1 undesirable), weights w·λ (S,), z () →
    Σ w · λ · (1 − σ(sign · β (r − z))), which is Σ w · (λ − v) (Ethayarajh et al. 2024, eq. 7 and 8).
    """
    return (weights * torch.sigmoid(-signs * beta * (ratios - z))).sum()


def reference_point(ratios: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """ratios log π(y′|x)/π_ref(y′|x) of answers y′ to other prompts, weights (S,) → (Σ w · ratio, Σ w).

    Their quotient over all processes, not below 0 and without gradient, is z (Ethayarajh et al. 2024, §4.1).
    """
    return (weights * ratios).sum(), weights.sum()


def log_odds(mean_logprobs: Tensor) -> Tensor:
    """(S,), mean log p over an answer's tokens → log (P / (1 − P)) (Hong et al. 2024, eq. 4)."""
    bounded = mean_logprobs.clamp(max=NEAR_ONE)
    return bounded - torch.log(-torch.expm1(bounded))


def odds_ratio(log_ratios: Tensor, weights: Tensor) -> Tensor:
    """log odds(y₊) − log odds(y₋), weights (P,) → Σ w · −log σ(log odds ratio) (Hong et al. 2024, eq. 7)."""
    return direct(log_ratios, weights)
