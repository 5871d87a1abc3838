"""Macro-F1 with its interval, alone and as a paired difference. Pure; knows no model and no task.

A bootstrap over items only needs to know how many fall into each cell (answer, prediction): drawing items
with replacement is drawing those counts from a multinomial distribution.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dajeong import bootstrap
from dajeong.bootstrap import NUM_RESAMPLES, Floats
from dajeong.statistics import CONFIDENCE, Estimate

Counts = npt.NDArray[np.int64]


def of_counts(counts: Counts) -> Floats:
    """(…, answers, predictions) → (…): the mean of F1 over the labels that occur as either."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2)
    occurs = either > 0
    scores = 2 * hits / np.where(occurs, either, 1)
    mean: Floats = scores.sum(axis=-1) / np.maximum(1, occurs.sum(axis=-1))
    return mean


def table(num_labels: int, items: Sequence[Sequence[int]], columns: int = 2) -> Counts:
    """How many items fall into each cell of (answer, prediction), or of as many columns as each item has."""
    counts = np.zeros((num_labels,) * columns, np.int64)
    np.add.at(counts, tuple(np.asarray(items, np.int64).reshape(-1, columns).T), 1)
    return counts


def resampled(counts: Counts, seed: int = 0, num_resamples: int = NUM_RESAMPLES) -> Counts:
    """(num_resamples, …) tables of as many items, drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(
        counts.sum(), counts.ravel() / counts.sum(), size=num_resamples
    )
    return drawn.reshape((num_resamples, *counts.shape))


def mean_of(tables: Sequence[Counts], seed: int = 0) -> Estimate:
    """Of (answer, prediction) tables, one a task: the mean over tasks, with its percentile interval."""
    return _estimate(
        np.mean([of_counts(counts) for counts in tables]),
        np.mean([of_counts(resampled(counts, seed + place)) for place, counts in enumerate(tables)], axis=0),
        sum(int(counts.sum()) for counts in tables),
    )


def difference(tables: Sequence[Counts], seed: int = 0) -> Estimate:
    """Of (answer, one's prediction, other's) tables, one a task: one − other, the mean over tasks."""
    return _estimate(
        np.mean([_gap(counts) for counts in tables]),
        np.mean([_gap(resampled(counts, seed + place)) for place, counts in enumerate(tables)], axis=0),
        sum(int(counts.sum()) for counts in tables),
    )


def _gap(counts: Counts) -> Floats:
    return of_counts(counts.sum(axis=-1)) - of_counts(counts.sum(axis=-2))


def _estimate(value: np.floating, drawn: Floats, n: int) -> Estimate:
    low, high = bootstrap.percentile(drawn, CONFIDENCE)
    # of few items nearly every draw may lie below the value
    return Estimate(float(value), min(low, float(value)), max(high, float(value)), n)
