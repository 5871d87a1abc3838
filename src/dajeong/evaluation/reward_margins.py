"""What lies behind a reward model's accuracy: margins, lengths, authors, stated probabilities. Pure.

Rewards of a Bradley–Terry model are log-odds: σ of a difference of two is the stated probability that the
first response wins. Knows no model and no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from dajeong import agreement, calibration, statistics
from dajeong.artefacts import Comparison, outcome
from dajeong.bootstrap import Floats
from dajeong.records import Result
from dajeong.result_rows import result_row
from dajeong.statistics import CONFIDENCE, Estimate

NO_UPPER_BOUND = "no upper bound: the rewards may state nothing at all"
NO_INTERVAL = "no interval: resampled bins would repeat"
NUM_BARS = 20
FLATTEST = 100.0
"""Above this the rewards state next to nothing, and a temperature means nothing either."""


class Rewarded(NamedTuple):
    """A pair and what the model gave to both of its responses."""

    pair: Comparison
    better: float
    worse: float

    @property
    def margin(self) -> float:
        return self.better - self.worse

    @property
    def won(self) -> float:
        return outcome(self.better, self.worse)


def rows(name: str, rewarded: Sequence[Rewarded]) -> Iterator[Result]:
    """All pairs, then each kind: splits and margin; then calibration and length over all pairs."""
    if not rewarded:
        return
    for kind in ["", *sorted({each.pair.kind for each in rewarded})]:
        some = [each for each in rewarded if kind in ("", each.pair.kind)]
        task = f"reward/{kind}" if kind else "reward"
        for split, its in splits(some).items():
            if its:
                share = statistics.wilson(sum(each.won for each in its), len(its))
                yield row(name, task, f"accuracy_{split}", share)
        yield row(name, task, "margin", statistics.mean([each.margin for each in some]))
    yield from _calibration(name, np.array([each.margin for each in rewarded]))
    yield from _length(name, rewarded)


def splits(rewarded: Sequence[Rewarded]) -> dict[str, list[Rewarded]]:
    """By which response is longer; by whether one author wrote both, where authors are named."""
    found: dict[str, list[Rewarded]] = {"better_longer": [], "better_shorter": [], "same_length": []}
    signed = any(each.pair.better.author or each.pair.worse.author for each in rewarded)
    found.update({"same_author": [], "other_author": []} if signed else {})
    for each in rewarded:
        better, worse = each.pair.better, each.pair.worse
        longer = len(better.content) - len(worse.content)
        place = "better_longer" if longer > 0 else "better_shorter" if longer else "same_length"
        found[place].append(each)
        if signed:
            found["same_author" if better.author == worse.author else "other_author"].append(each)
    return found


def temperature(margins: Floats) -> Estimate | None:
    """The T that makes σ(margin / T) likeliest; None where no finite one does.

    Guo et al. (2017), On Calibration of Modern Neural Networks, §4.2, on pairs: a logistic regression without
    intercept whose slope is 1 / T. Its interval comes from the Fisher information of the slope.
    """
    from scipy.optimize import minimize_scalar

    if (margins >= 0).all() or (margins <= 0).all() or margins.mean() <= 0:
        return None
    scale = float(np.abs(margins).max())
    unit = margins / scale
    best = minimize_scalar(lambda slope: loss(slope * unit), bounds=(0, 1e4), method="bounded")
    slope = float(best.x)
    stated = 1 / (1 + np.exp(-slope * unit))
    error = 1 / math.sqrt(float((stated * (1 - stated) * unit**2).sum()))
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    lowest = max(slope - half, scale / FLATTEST)
    return Estimate(scale / slope, scale / (slope + half), max(scale / slope, scale / lowest), len(margins))


def loss(margins: Floats) -> float:
    """−log σ(margin), the mean: Bradley–Terry's negative log-likelihood."""
    return float(np.logaddexp(0, -margins).mean())


def histogram(rewarded: Sequence[Rewarded]) -> dict[str, Any]:
    """How the rewards of better and of worse responses lie, on the same edges."""
    sides = {side: [getattr(each, side) for each in rewarded] for side in ("better", "worse")}
    edges = np.histogram_bin_edges([*sides["better"], *sides["worse"]], bins=NUM_BARS)
    counts = {side: np.histogram(values, edges)[0].tolist() for side, values in sides.items()}
    return {"edges": [round(float(edge), 6) for edge in edges], **counts}


def _calibration(name: str, margins: Floats) -> Iterator[Result]:
    """As stated, then, where there is one, with a temperature that every fifth learns from the others."""
    yield from _stated(name, "", margins)
    found = temperature(margins)
    if found is None:
        return
    open_ended = NO_UPPER_BOUND if found.high >= FLATTEST else ""
    yield row(name, "reward", "temperature", found, open_ended)
    scaled = margins.copy()
    for fold in range(5):
        own = np.arange(len(margins)) % 5 == fold
        learned = temperature(margins[~own])
        scaled[own] /= learned.value if learned else found.value
    yield from _stated(name, "_scaled", scaled)


def _stated(name: str, ending: str, margins: Floats) -> Iterator[Result]:
    stated = np.exp(-np.logaddexp(0, -margins))
    yield row(name, "reward", f"nll{ending}", statistics.mean(np.logaddexp(0, -margins)))
    yield row(name, "reward", f"brier{ending}", calibration.brier(stated, np.ones(len(stated))))
    error = calibration.calibration(*calibration.of_pairs(stated)).error
    found = Result(model=name, task="reward", metric=f"ece{ending}", value=error, n=len(stated))
    yield found.model_copy(update={"notes": NO_INTERVAL})


def _length(name: str, rewarded: Sequence[Rewarded]) -> Iterator[Result]:
    responses = {
        (each.pair.preference, response.content): (len(response.content), reward)
        for each in rewarded
        for response, reward in ((each.pair.better, each.better), (each.pair.worse, each.worse))
    }
    lengths, rewards = zip(*responses.values(), strict=True)
    if len(set(lengths)) > 1 and len(set(rewards)) > 1:
        yield row(name, "reward", "length_correlation", agreement.spearman(rewards, lengths))
    apart = [each for each in rewarded if len(each.pair.better.content) != len(each.pair.worse.content)]
    if apart:
        longer = sum(
            each.won if len(each.pair.better.content) > len(each.pair.worse.content) else 1 - each.won
            for each in apart
        )
        yield row(name, "reward", "longer_preferred", statistics.wilson(longer, len(apart)))


def row(name: str, task: str, metric: str, estimate: Estimate, notes: str = "") -> Result:
    return result_row(name, task, metric, estimate, notes=(notes,))
