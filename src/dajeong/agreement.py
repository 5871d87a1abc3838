"""How far raters agree beyond chance, and how far two scores rank alike. Pure; knows no record and no judge.

A vote that is not there is None, and is never counted as disagreement. Every figure comes with its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dajeong import bootstrap
from dajeong.bootstrap import Floats
from dajeong.statistics import CONFIDENCE, Estimate

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["linear", "quadratic"]
Vote = str | int | float | None
NUM_RESAMPLES = 2_000


def cohen_kappa(
    first: Sequence[Vote],
    second: Sequence[Vote],
    weights: Weights | None = None,
    order: Sequence[Vote] | None = None,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate:
    """κ of two raters over the items that both voted on; 1 is agreement, 0 what chance alone gives.

    `weights` counts a near miss less than a far one; `order` then names the votes from low to high, where
    sorting would not. Cohen (1960), Educational and Psychological Measurement 20:37–46, and (1968),
    Psychological Bulletin 70:213–220. Interval: bootstrap over items.
    Raises ValueError where both raters only ever gave one and the same vote: chance explains all of it.
    """
    pairs = _both_voted(first, second)
    ranks = _ranks(pairs, order)
    cells = np.array([ranks[one] * len(ranks) + ranks[two] for one, two in pairs])
    cost = _cost(len(ranks), weights)
    items = np.zeros((len(pairs), cost.size))
    items[np.arange(len(pairs)), cells] = 1

    def of(tables: Floats) -> Floats:
        return _kappa(tables.reshape(-1, *cost.shape), cost)

    return _estimate(of, items, seed, num_resamples, "one vote only: κ has no value")


def krippendorff_alpha(
    votes: Sequence[Sequence[float | None]] | Sequence[Sequence[Vote]],
    level: Level = "nominal",
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate:
    """α of any number of raters, `votes[rater][item]`, None where a rater did not vote.

    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability. An item with one vote says nothing of
    agreement and is left out of value and n. Ordinal and interval votes are numbers, nominal ones anything.
    Interval: bootstrap over items. Raises ValueError where nothing can be compared or no two votes differ.
    """
    items = [[vote for vote in item if vote is not None] for item in zip(*votes, strict=True)]
    items = [item for item in items if len(item) > 1]
    if not items:
        raise ValueError("no item has two votes: agreement has no value")
    known: list[Any] = sorted({vote for item in items for vote in item}, key=_sorting(level))
    counts = np.array([[item.count(value) for value in known] for item in items], dtype=np.float64)

    def of(coincidences: Floats) -> Floats:
        return _alpha(coincidences.reshape(-1, len(known), len(known)), known, level)

    return _estimate(of, _coincidences(counts), seed, num_resamples, "one vote only: α has no value")


def spearman(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Spearman's ρ, ties at their mean rank; interval of Bonett and Wright (2000), Psychometrika 65:23–28.

    Raises ValueError where one side is constant: it ranks nothing.
    """
    from scipy.stats import spearmanr

    _check_ranked(first, second)
    value, n = float(spearmanr(first, second).statistic), len(first)
    error = math.sqrt((1 + value**2 / 2) / (n - 3)) if n > 3 else math.inf
    return _by_z(value, error, n, confidence)


def kendall(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Kendall's τ-b, which divides by the pairs that are not tied; interval of Fieller et al. (1957).

    Kendall (1945), Biometrika 33:239–251; Fieller, Hartley and Pearson, Biometrika 44:470–481.
    Raises ValueError where one side is constant.
    """
    from scipy.stats import kendalltau

    _check_ranked(first, second)
    value, n = float(kendalltau(first, second).statistic), len(first)
    return _by_z(value, math.sqrt(0.437 / (n - 4)) if n > 4 else math.inf, n, confidence)


def _by_z(value: float, error: float, n: int, confidence: float) -> Estimate:
    """Through Fisher's z; with too few items for an error everything from −1 to 1 is possible."""
    if math.isinf(error):
        return Estimate(value, -1.0, 1.0, n)
    middle, half = (
        math.atanh(min(max(value, -1 + 1e-15), 1 - 1e-15)),
        NormalDist().inv_cdf((1 + confidence) / 2) * error,
    )
    return Estimate(value, min(value, math.tanh(middle - half)), max(value, math.tanh(middle + half)), n)


def _both_voted(first: Sequence[Vote], second: Sequence[Vote]) -> list[tuple[Vote, Vote]]:
    pairs: list[tuple[Vote, Vote]] = [
        (a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None
    ]
    if not pairs:
        raise ValueError("no item has both votes: agreement has no value")
    return pairs


def _ranks(pairs: Sequence[tuple[Vote, Vote]], order: Sequence[Vote] | None) -> dict[Any, int]:
    seen: set[Any] = {vote for pair in pairs for vote in pair}
    known: Sequence[Any] = sorted(seen) if order is None else order
    if not seen <= set(known):
        raise ValueError(f"votes {sorted(seen - set(known), key=str)} are not in the order {list(known)}")
    return {vote: rank for rank, vote in enumerate(known)}


def _kappa(tables: Floats, cost: Floats) -> Floats:
    """1 − observed / expected cost of tables (…, votes, votes); NaN where chance leaves no cost."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    expected = rows[:, :, None] * columns[:, None, :] / tables.sum(axis=(1, 2))[:, None, None]
    return _one_minus((cost * tables).sum(axis=(1, 2)), (cost * expected).sum(axis=(1, 2)))


def _one_minus(observed: Floats, expected: Floats) -> Floats:
    return 1 - np.divide(observed, expected, out=np.full_like(observed, np.nan), where=expected > 0)


def _cost(num_votes: int, weights: Weights | None) -> Floats:
    """How much a disagreement of (row, column) counts."""
    apart = np.abs(np.subtract.outer(np.arange(num_votes), np.arange(num_votes))).astype(np.float64)
    return apart**2 if weights == "quadratic" else apart if weights == "linear" else (apart > 0).astype(float)


def _coincidences(counts: Floats) -> Floats:
    """How often each pair of values stands in each item, (items, values²), from its votes (items, values)."""
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs -= counts[:, :, None] * np.eye(counts.shape[1])
    coincidences: Floats = pairs.reshape(len(counts), -1) / (counts.sum(axis=1, keepdims=True) - 1)
    return coincidences


def _alpha(coincidences: Floats, known: Sequence[Any], level: Level) -> Floats:
    """1 − observed / expected disagreement of coincidences (…, values, values)."""
    totals = coincidences.sum(axis=1)
    cost = _difference(known, totals, level)
    expected = (totals[:, :, None] * totals[:, None, :] * cost).sum(axis=(1, 2))
    observed = (coincidences * cost).sum(axis=(1, 2))
    return _one_minus((totals.sum(axis=1) - 1) * observed, expected)


def _difference(known: Sequence[Any], totals: Floats, level: Level) -> Floats:
    """δ² of Krippendorff (2011): ordinal counts the votes that lie between two values."""
    if level == "nominal":
        return 1 - np.eye(len(known))
    if level == "interval":
        numbers = np.asarray(known, dtype=np.float64)
        return np.subtract.outer(numbers, numbers) ** 2
    middles = np.cumsum(totals, axis=1) - totals / 2
    distances: Floats = middles[:, :, None] - middles[:, None, :]
    return distances**2


def _sorting(level: Level) -> Callable[[Any], Any]:
    return str if level == "nominal" else float


def _estimate(
    of: Callable[[Floats], Floats], items: Floats, seed: int, num_resamples: int, nothing: str
) -> Estimate:
    """Of a figure that depends on the sum of its items' columns, (items, columns)."""
    value = float(of(items.sum(axis=0, keepdims=True))[0])
    if math.isnan(value):
        raise ValueError(nothing)
    low, high = bootstrap.percentile(of(bootstrap.sums(items, seed, num_resamples)), CONFIDENCE)
    return Estimate(value, low, high, len(items))


def _check_ranked(first: Sequence[float], second: Sequence[float]) -> None:
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} values: expected as many of each, and at least one")
    sides: list[npt.NDArray[np.float64]] = [np.asarray(side, dtype=np.float64) for side in (first, second)]
    if not all(np.isfinite(side).all() and np.ptp(side) for side in sides):
        raise ValueError("a side is constant or not finite: it ranks nothing")
