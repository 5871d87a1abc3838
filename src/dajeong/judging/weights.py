"""From how likely a judge finds each score to one weighted score: Σ s · p(s). Pure; knows no model.

Liu et al. (2023), G-Eval, equation 1, with every spelling of every score instead of samples of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Spelling(NamedTuple):
    """One way to write a score, as the judge's tokens."""

    score: int
    ids: tuple[int, ...]


class Weighted(NamedTuple):
    """A score weighted by probability, and how much of the probability was on the scale at all."""

    value: float
    valid_mass: float
    """Probability that the judge writes one of the scores, before it is divided out."""
    weights: dict[int, float]
    """Score → its share of that; they sum to 1."""


def masses(spellings: Sequence[Spelling], logprobs: Sequence[float]) -> list[float]:
    """Probability that each spelling is written and does not go on as another one.

    Where 1 is the beginning of 10, p(1…) counts both: what goes on as 10 is taken from it, so that no
    probability counts twice and all of them sum to at most 1.
    """
    own = [math.exp(logprob) for logprob in logprobs]
    left = list(own)
    for place, spelling in enumerate(spellings):
        beginnings = [
            other
            for other, shorter in enumerate(spellings)
            if len(shorter.ids) < len(spelling.ids) and spelling.ids[: len(shorter.ids)] == shorter.ids
        ]
        if beginnings:
            longest = max(beginnings, key=lambda other: len(spellings[other].ids))
            left[longest] -= own[place]
    return [max(0.0, mass) for mass in left]


def weighted(scored: Iterable[tuple[int, float]]) -> Weighted | None:
    """(score, probability) pairs as one score; equal scores are added up. None where nothing is likely."""
    shares: dict[int, float] = {}
    for score, mass in scored:
        shares[score] = shares.get(score, 0.0) + mass
    valid = sum(shares.values())
    if not (valid > 0 and math.isfinite(valid)):
        return None
    weights = {score: share / valid for score, share in sorted(shares.items())}
    return Weighted(sum(score * share for score, share in weights.items()), valid, weights)
