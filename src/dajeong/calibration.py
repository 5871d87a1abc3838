"""Whether a stated probability is kept: Brier score and expected calibration error. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dajeong import statistics
from dajeong.bootstrap import Floats
from dajeong.statistics import Estimate

NUM_BINS = 10
Numbers = Sequence[float] | npt.NDArray[np.float64]


class Bin(NamedTuple):
    """Items whose stated probabilities lie together."""

    stated: float
    observed: Estimate


class Calibration(NamedTuple):
    """`error` is Σ n_b / n · |observed − stated| over the bins."""

    error: float
    bins: tuple[Bin, ...]


def brier(stated: Numbers, happened: Numbers, seed: int = 0) -> Estimate:
    """The mean squared error of stated probabilities, 0 is best; 0.25 is what saying ½ each time costs.

    Brier (1950), Monthly Weather Review 78:1–3. `happened` is 1 or 0; a tie may be 0.5. Bootstrap interval.
    """
    probabilities, outcomes = _checked(stated, happened)
    return statistics.mean((probabilities - outcomes) ** 2, seed)


def calibration(stated: Numbers, happened: Numbers, num_bins: int = NUM_BINS) -> Calibration:
    """Expected calibration error over bins of equal mass: each holds as many items, equal ones together.

    Naeini et al. (2015), AAAI, with the bins of Nixon et al. (2019), Measuring Calibration in Deep Learning,
    §3.3. The error of a perfect model is above 0 in small samples: read it beside the bins' intervals.
    """
    probabilities, outcomes = _checked(stated, happened)
    edges = np.quantile(probabilities, np.linspace(0, 1, num_bins + 1))[1:-1]
    places = np.searchsorted(edges, probabilities)
    bins = tuple(
        _bin(probabilities[places == place], outcomes[places == place]) for place in np.unique(places)
    )
    n = len(probabilities)
    return Calibration(sum(b.observed.n / n * abs(b.observed.value - b.stated) for b in bins), bins)


def of_pairs(won: Numbers) -> tuple[Floats, Floats]:
    """(confidence, right) of a judge of pairs, from its probability that the better response wins.

    Which response is called better carries no information, so confidence is in whatever it preferred.
    """
    probabilities = np.asarray(won, dtype=np.float64)
    right = np.where(probabilities == 0.5, 0.5, (probabilities > 0.5).astype(np.float64))
    return np.maximum(probabilities, 1 - probabilities), right


def _bin(probabilities: Floats, outcomes: Floats) -> Bin:
    return Bin(float(probabilities.mean()), statistics.wilson(float(outcomes.sum()), len(outcomes)))


def _checked(stated: Numbers, happened: Numbers) -> tuple[Floats, Floats]:
    probabilities, outcomes = (np.asarray(side, dtype=np.float64) for side in (stated, happened))
    if len(probabilities) != len(outcomes) or not len(probabilities):
        raise ValueError(f"{len(probabilities)} probabilities of {len(outcomes)} outcomes: expected as many")
    if not all(((side >= 0) & (side <= 1)).all() for side in (probabilities, outcomes)):
        raise ValueError("expected probabilities and outcomes from 0 to 1")
    return probabilities, outcomes
