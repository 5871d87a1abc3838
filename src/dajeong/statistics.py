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

from dajeong import bootstrap
from dajeong.bootstrap import NUM_RESAMPLES, Method

CONFIDENCE = 0.95
FEW = 30
"""Items below which nothing is called better, whatever its interval."""


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
    clusters: Sequence[object] | None = None,
    method: Method = "percentile",
) -> Estimate:
    """A mean with its bootstrap interval; the same seed gives the same interval.

    `clusters` names what each value belongs to (a prompt with several turns or criteria): whole clusters are
    drawn, as values of one cluster tell less than values of many. `n` stays the number of values.
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 14; clusters: Davison and
    Hinkley (1997), Bootstrap Methods and their Application, §3.8.
    """
    if not len(values):
        raise ValueError("no values: a mean needs at least one")
    numbers = np.asarray(values, dtype=np.float64)
    if clusters is None:
        sums, counts = numbers, np.ones(len(numbers))
        drawn = bootstrap.means(numbers, seed, num_resamples)
    else:
        sums, counts = bootstrap.clustered(numbers, clusters)
        drawn = bootstrap.ratios(sums, counts, seed, num_resamples)
    value = float(numbers.mean())
    if method == "percentile" or len(sums) == 1:
        low, high = bootstrap.percentile(drawn, confidence)
    else:
        low, high = bootstrap.bca(value, drawn, bootstrap.without_each(sums, counts), confidence)
    return Estimate(value, low, high, len(numbers))


def paired_mean(
    first: Sequence[float],
    second: Sequence[float],
    seed: int = 0,
    clusters: Sequence[object] | None = None,
    method: Method = "percentile",
) -> Estimate:
    """The mean difference `first` − `second` on the same items, by the paired bootstrap."""
    _check_paired(first, second)
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return mean(differences, seed, clusters=clusters, method=method)


def sign_test(first: Sequence[float], second: Sequence[float]) -> float:
    """The exact two-sided p-value that either is as often above the other; ties are left out.

    Dixon and Mood (1946), JASA 41:557–566. On shares it is `mcnemar`.
    """
    from scipy.stats import binomtest

    _check_paired(first, second)
    above = sum(one > other for one, other in zip(first, second, strict=True))
    below = sum(one < other for one, other in zip(first, second, strict=True))
    return float(binomtest(above, above + below).pvalue) if above + below else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the order given: whatever stays ≤ α holds for all together.

    Holm (1979), Scandinavian Journal of Statistics 6:65–70.
    """
    if not all(0 <= p_value <= 1 for p_value in p_values):
        raise ValueError(f"p-values {list(p_values)}: expected numbers from 0 to 1")
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = worst
    return corrected


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
    sums = np.stack([bootstrap.means(column, seed, num_resamples) for column in table.T])
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = sums[1] / sums[0] - sums[3] / sums[2]
    low, high = bootstrap.percentile(differences, confidence)
    counted, succeeded, counted_too, succeeded_too = table.sum(axis=0)
    value = succeeded / counted - succeeded_too / counted_too
    return Estimate(float(value), low, high, len(table))


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
