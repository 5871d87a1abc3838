"""What a reward model must not be: broken, constant, a ruler for lengths. Pure; knows no model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dajeong.training.reward_settings import RewardGateSettings


class Read(NamedTuple):
    """One prompt's responses: their rewards and their lengths in tokens."""

    rewards: Sequence[float]
    lengths: Sequence[int]


class Fault(NamedTuple):
    """A figure on the wrong side of its limit."""

    statistic: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.statistic} {self.value:.3g} (gate: {self.limit:.3g})"


def statistics_of(read: Sequence[Read]) -> dict[str, float]:
    """`not_finite` rewards; `spread` and `length_agreement` over the pairs of each prompt, if any."""
    found = {"not_finite": float(sum(not math.isfinite(r) for each in read for r in each.rewards))}
    if found["not_finite"]:
        return found
    gaps = [abs(one[0] - other[0]) for one, other in _pairs(read)]
    if gaps:
        found["spread"] = sum(gaps) / len(gaps)
    agreed = [_agreement(*one, *other) for one, other in _pairs(read) if one[1] != other[1]]
    found["unequal_pairs"] = float(len(agreed))
    if agreed:
        share = sum(agreed) / len(agreed)
        found["length_agreement"] = max(share, 1 - share)
    return found


def faults(found: dict[str, float], settings: RewardGateSettings) -> list[Fault]:
    """In the order of their weight; a constant reward says nothing about lengths."""
    if found["not_finite"]:
        return [Fault("not_finite", found["not_finite"], 0)]
    if found.get("spread", math.inf) < settings.min_spread:
        return [Fault("spread", found["spread"], settings.min_spread)]
    agreement = found.get("length_agreement", 0.0)
    if found["unequal_pairs"] >= settings.min_pairs and agreement > settings.max_length_agreement:
        return [Fault("length_agreement", agreement, settings.max_length_agreement)]
    return []


def _pairs(read: Sequence[Read]) -> Iterator[tuple[tuple[float, int], tuple[float, int]]]:
    for each in read:
        yield from itertools.combinations(zip(each.rewards, each.lengths, strict=True), 2)


def _agreement(reward: float, length: int, other_reward: float, other_length: int) -> float:
    """1 where the longer response has the higher reward, ½ where rewards are equal."""
    if reward == other_reward:
        return 0.5
    return float((reward > other_reward) == (length > other_length))
