"""Rankings become pairs with labels, margins and weights. Sees records; knows no token and no loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dajeong.errors import DataProblem, UsageProblem
from dajeong.records import Preference, Response
from dajeong.training.reward_settings import LabelSettings

TIE = 0.5


class Pair(NamedTuple):
    """Two responses by index, the probability that the first is better, and how far apart they should be."""

    better: int
    worse: int
    label: float = 1.0
    margin: float = 0.0


def pairs_of(preference: Preference, settings: LabelSettings) -> list[Pair]:
    """Ordered pairs first, then, where ties are soft, those of equal rank."""
    ordered = [
        Pair(better, worse, 1.0, margin_of(preference, better, worse, settings))
        for better, worse in preference.pairs()
    ]
    return ordered + [Pair(one, other, TIE) for one, other in _tied(preference, settings)]


def _tied(preference: Preference, settings: LabelSettings) -> Iterator[tuple[int, int]]:
    if settings.ties == "soft":
        for group in preference.ranking:
            yield from itertools.combinations(group, 2)


def margin_of(preference: Preference, better: int, worse: int, settings: LabelSettings) -> float:
    """The fixed margin, and a share of the distance in scores, unless these contradict the ranking."""
    if not settings.score_margin:
        return settings.margin
    distance = _distance(preference.responses[better], preference.responses[worse])
    return settings.margin + settings.score_margin * max(0.0, distance or 0.0)


def _distance(one: Response, other: Response) -> float | None:
    """Σ over the criteria both have; None where they share none."""
    shared = sorted(one.scores.keys() & other.scores.keys())
    return sum(one.scores[name] - other.scores[name] for name in shared) if shared else None


def weight_of(preference: Preference, annotators: Mapping[str, float]) -> float:
    """The record's own weight, times its annotator's: `human:kim` where that is named, else `human`."""
    who = preference.labelled_by
    return preference.weight * annotators.get(who, annotators.get(who.partition(":")[0], 1.0))


def check(preferences: Sequence[Preference], settings: LabelSettings) -> None:
    """Raises UsageProblem for an annotator nobody is, DataProblem where margins lack the scores they need."""
    names = {name for p in preferences for name in (p.labelled_by, p.labelled_by.partition(":")[0])}
    for name in sorted(settings.annotators.keys() - names):
        known = ", ".join(sorted({p.labelled_by or "-" for p in preferences})[:12])
        raise UsageProblem("annotator-unknown", name=name, known=known)
    if settings.score_margin and not any(_scored(preference) for preference in preferences):
        raise DataProblem("margin-no-scores", rows=len(preferences))


def _scored(preference: Preference) -> bool:
    responses = preference.responses
    return any(_distance(responses[one], responses[other]) is not None for one, other in preference.pairs())


def num_ties(preferences: Sequence[Preference]) -> int:
    """Pairs of equal rank."""
    return sum(len(group) * (len(group) - 1) // 2 for p in preferences for group in p.ranking)
