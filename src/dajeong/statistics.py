"""How sure a figure is: intervals and tests for shares, means and paired comparisons. Pure; knows no record.

A share of zero successes still has an interval, and two systems are compared on the same items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
NUM_RESAMPLES = 10_000
AT_ONCE = 2_000_000
"""Items drawn at a time while resampling: some tens of megabytes."""


class Estimate(NamedTuple):
    value: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def wilson(successes: float, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share with its score interval. A tie may count as half a success.

    Wilson (1927), JASA 22:209–212; without continuity correction.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n}: expected 0 ≤ successes ≤ n and n ≥ 1")
    z = _z(confidence)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Estimate(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), n)


def paired_shares(first: Sequence[bool], second: Sequence[bool], confidence: float = CONFIDENCE) -> Estimate:
    """The difference of two shares on the same items, `first` − `second`.

    Newcombe (1998), Statistics in Medicine 17:2635–2650, method 10: score intervals of both shares, joined
    with their correlation. With no success in either it still has a width, about 3.8 / n to each side.
    """
    both, only_first, only_second, neither = _table(first, second)
    n = both + only_first + only_second + neither
    one, two = wilson(both + only_first, n, confidence), wilson(both + only_second, n, confidence)
    phi = _correlation(both, only_first, only_second, neither)
    difference = one.value - two.value
    low = _joined(one.value - one.low, two.high - two.value, phi)
    high = _joined(one.high - one.value, two.value - two.low, phi)
    return Estimate(difference, max(-1.0, difference - low), min(1.0, difference + high), n)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """The exact two-sided p-value that both shares are equal, from the items on which the two differ.

    McNemar (1947) with the binomial distribution in place of χ².
    """
    _, only_first, only_second, _ = _table(first, second)
    differing = only_first + only_second
    tail = sum(math.comb(differing, k) for k in range(min(only_first, only_second) + 1))
    p_value: float = 2 * tail / 2**differing
    return min(1.0, p_value)


def mean(
    values: Sequence[float] | npt.NDArray[np.float64],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """A mean with the percentile interval of its bootstrap; the same seed gives the same interval.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    if not len(values):
        raise ValueError("no values: a mean needs at least one")
    numbers = np.asarray(values, dtype=np.float64)
    means = _resampled_means(numbers, seed, num_resamples)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(numbers.mean()), float(low), float(high), len(numbers))


def paired_mean(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Estimate:
    """The mean difference `first` − `second` on the same items, by the paired bootstrap."""
    _check_paired(first, second)
    return mean(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), seed)


def paired_conditional_shares(
    first: Sequence[tuple[bool, bool]],
    second: Sequence[tuple[bool, bool]],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The difference of two shares *among*, `first` − `second`, each item telling (counts, succeeds).

    The items that count differ between the two, so items are resampled and both shares taken anew; percentile
    interval. Raises ValueError where nothing counts in one of them.
    """
    _check_paired(first, second)
    table = np.array([(*one, *other) for one, other in zip(first, second, strict=True)], dtype=np.float64)
    table[:, 1] *= table[:, 0]
    table[:, 3] *= table[:, 2]
    if not (table[:, 0].any() and table[:, 2].any()):
        raise ValueError("nothing counts: a share among nothing has no value")
    sums = np.stack([_resampled_means(column, seed, num_resamples) for column in table.T])
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = sums[1] / sums[0] - sums[3] / sums[2]
    low, high = np.nanquantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    counted, succeeded, counted_too, succeeded_too = table.sum(axis=0)
    value = succeeded / counted - succeeded_too / counted_too
    return Estimate(float(value), float(low), float(high), len(table))


def _resampled_means(
    numbers: npt.NDArray[np.float64], seed: int, num_resamples: int
) -> npt.NDArray[np.float64]:
    """Means of the same resamples for the same seed and length, so that columns stay paired."""
    chance, n = np.random.default_rng(seed), len(numbers)
    at_once = max(1, AT_ONCE // n)
    sizes = [min(at_once, num_resamples - start) for start in range(0, num_resamples, at_once)]
    draws = (chance.integers(0, n, (size, n), dtype=np.int32) for size in sizes)
    return np.concatenate([numbers[drawn].mean(axis=1) for drawn in draws])


def _table(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int, int, int]:
    _check_paired(first, second)
    pairs = list(zip(map(bool, first), map(bool, second), strict=True))
    return (
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)),
    )


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """φ with Newcombe's correction; 0 where one system always or never succeeds."""
    margins = (both + only_first, only_second + neither, both + only_second, only_first + neither)
    if not all(margins):
        return 0.0
    n = both + only_first + only_second + neither
    covariance = float(both * neither - only_first * only_second)
    if covariance > 0:
        covariance = max(0.0, covariance - n / 2)
    return covariance / math.sqrt(math.prod(margins))


def _joined(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * two + two**2))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _check_paired(first: Sequence[object], second: Sequence[object]) -> None:
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} values: expected as many of each, and at least one")
