"""Resampling: which items are drawn again, and the interval that their statistics make. Knows no figure.

The same seed and the same number of items give the same resamples, so that columns stay paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

NUM_RESAMPLES = 10_000
AT_ONCE = 2_000_000
"""Items drawn at a time: some tens of megabytes."""

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
Method = Literal["percentile", "bca"]
"""`percentile`: quantiles of the resamples. `bca`: corrected for their bias and for skew."""


def resamples(n: int, seed: int, num_resamples: int = NUM_RESAMPLES) -> Iterator[Places]:
    """Places 0…n−1 drawn with replacement: arrays of (some resamples, n)."""
    chance = np.random.default_rng(seed)
    at_once = max(1, AT_ONCE // n)
    for start in range(0, num_resamples, at_once):
        yield chance.integers(0, n, (min(at_once, num_resamples - start), n), dtype=np.int32)


def means(numbers: Floats, seed: int, num_resamples: int = NUM_RESAMPLES) -> Floats:
    """The mean of every resample, (num_resamples,)."""
    drawn = resamples(len(numbers), seed, num_resamples)
    return np.concatenate([numbers[places].mean(axis=1) for places in drawn])


def ratios(sums: Floats, counts: Floats, seed: int, num_resamples: int = NUM_RESAMPLES) -> Floats:
    """Σ sums / Σ counts of every resample: the mean of clusters' items, where whole clusters are drawn."""
    drawn = resamples(len(sums), seed, num_resamples)
    return np.concatenate([sums[places].sum(axis=1) / counts[places].sum(axis=1) for places in drawn])


def sums(numbers: Floats, seed: int, num_resamples: int = NUM_RESAMPLES) -> Floats:
    """The sum of every resample's items, (num_resamples, columns), of numbers (items, columns)."""
    drawn = resamples(len(numbers), seed, num_resamples)
    return np.concatenate([_times(places, len(numbers)) @ numbers for places in drawn])


def _times(places: Places, n: int) -> Floats:
    """How often each item was drawn, (resamples, n)."""
    apart = places + n * np.arange(len(places))[:, None]
    times = np.bincount(apart.ravel(), minlength=len(places) * n).reshape(-1, n)
    return times.astype(np.float64)


def clustered(numbers: Floats, clusters: Sequence[object]) -> tuple[Floats, Floats]:
    """(sum, count) of every cluster, in the order in which the clusters first appear."""
    if len(clusters) != len(numbers):
        raise ValueError(f"{len(numbers)} values in {len(clusters)} clusters: expected one cluster a value")
    places: dict[object, int] = {}
    index = np.array([places.setdefault(cluster, len(places)) for cluster in clusters])
    sums = np.bincount(index, weights=numbers).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def without_each(sums: Floats, counts: Floats) -> Floats:
    """The ratio with each cluster left out in turn: the jackknife."""
    left_out: Floats = (sums.sum() - sums) / (counts.sum() - counts)
    return left_out


def percentile(drawn: Floats, confidence: float) -> tuple[float, float]:
    """Efron and Tibshirani (1993), An Introduction to the Bootstrap, §13.3; NaN is left out."""
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bca(value: float, drawn: Floats, left_out: Floats, confidence: float) -> tuple[float, float]:
    """Efron (1987), JASA 82:171–185; ties with `value` count half, as in scipy.

    `left_out` is the statistic without each item. Where nothing varies the interval is the value itself.
    """
    from scipy.special import ndtr, ndtri

    distances = left_out.mean() - left_out
    if not distances.any():
        return value, value
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    skew = (distances**3).sum() / (6 * (distances**2).sum() ** 1.5)
    tail = NormalDist().inv_cdf((1 + confidence) / 2)
    shifted = ndtri(below) + np.array([-tail, tail])
    low, high = np.quantile(drawn, ndtr(ndtri(below) + shifted / (1 - skew * shifted)))
    return float(low), float(high)
