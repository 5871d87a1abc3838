"""A judge's scores beside people's, or another judge's: how far they agree, and what else moves them. Pure.

An answer counts where both sides scored it. Per prompt is G-Eval's figure: a correlation over the answers to
one prompt, then its mean; prompts on which a side gives one score to all rank nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

import numpy as np

from dajeong import agreement, bootstrap, statistics
from dajeong.errors import DataProblem
from dajeong.evaluation.judged_files import Judged, name_of
from dajeong.records import Result
from dajeong.result_rows import result_row
from dajeong.statistics import CONFIDENCE, FEW, Estimate

TASK = "agreement"
NUM_RESAMPLES = 500
Correlation = Callable[[Sequence[float], Sequence[float]], Estimate]
Identity = tuple[str, ...]


class Item(NamedTuple):
    """An answer that both sides scored."""

    prompt: str
    length: int
    place: float | None
    judge: float
    humans: dict[str, float]
    """Rater → score."""

    @property
    def human(self) -> float:
        return fmean(self.humans.values())


class Scored(NamedTuple):
    prompt: str
    length: int
    place: float | None
    score: float


def meta_evaluation(name: str, judge: Sequence[Judged], humans: Sequence[Judged]) -> list[Result]:
    """Criterion by criterion. Raises DataProblem where the two have no criterion or no answer in common."""
    shared = _criteria(judge, humans)
    rows: list[Result] = []
    for criterion, theirs in shared.items():
        found, missing = items(judge, humans, criterion, theirs)
        task = f"{TASK}/{criterion}"
        rows += [
            row.model_copy(update={"missing": row.missing + missing})
            for row in _rows(name, task, found, [f"against {theirs}"] if theirs != criterion else [])
        ]
    if not any(row.n for row in rows):
        raise DataProblem("meta-no-answers", judge=_count(judge), humans=_count(humans))
    return rows


def _criteria(judge: Sequence[Judged], humans: Sequence[Judged]) -> dict[str, str]:
    """The judge's criteria → theirs, of the same name; the only one of each where the names differ."""
    ours, theirs = (
        list(dict.fromkeys(name_of(column) for each in side for column in each.scales))
        for side in (judge, humans)
    )
    shared = {criterion: criterion for criterion in ours if criterion in theirs}
    if not shared and len(ours) == len(theirs) == 1:
        return {ours[0]: theirs[0]}
    if not shared:
        raise DataProblem("meta-no-criteria", judge=", ".join(ours), humans=", ".join(theirs))
    return shared


def items(
    judge: Sequence[Judged], humans: Sequence[Judged], ours: str, theirs: str
) -> tuple[list[Item], int]:
    """What both scored, and how many answers are on both sides and lack a score on one."""
    by_id = all(
        answer.identity for side in (judge, humans) for each in side for answer in each.answers.values()
    )
    own, known = _scored(judge, ours, by_id)
    raters: dict[str, dict[Identity, Scored]] = {}
    for each in humans:
        scored, seen = _scored([each], theirs, by_id)
        raters.setdefault(each.rater or "people", {}).update(scored)
        known |= {identity: known.get(identity, 0) | 2 for identity in seen}
    found = []
    for identity, mine in own.items():
        votes = {rater: scored[identity].score for rater, scored in raters.items() if identity in scored}
        if votes:
            told = next(scored[identity] for scored in raters.values() if identity in scored)
            shown = mine if mine.length else told  # scores that only name their reply have no texts
            place = told.place if mine.place is None else mine.place
            found.append(Item(shown.prompt, shown.length, place, mine.score, votes))
    return found, sum(sides == 3 for sides in known.values()) - len(found)


def _scored(
    side: Sequence[Judged], criterion: str, by_id: bool
) -> tuple[dict[Identity, Scored], dict[Identity, int]]:
    """Answer → its score; and every answer, scored or not."""
    found: dict[Identity, Scored] = {}
    known: dict[Identity, int] = {}
    for each in side:
        column = next((column for column in each.scales if name_of(column) == criterion), None)
        for (prompt, _), answer in each.answers.items():
            identity = (answer.identity,) if by_id else (prompt, answer.text.strip())
            known[identity] = 1
            score = answer.scores.get(column) if column else None
            if score is not None:
                found[identity] = Scored(prompt, len(answer.text), answer.place, score)
    return found, known


def _rows(name: str, task: str, found: Sequence[Item], notes: Sequence[str]) -> Iterator[Result]:
    if len(found) < 2:
        yield result_row(name, task, "spearman", None, notes=notes)
        return
    judge, human = [item.judge for item in found], [item.human for item in found]
    prompts = [item.prompt for item in found]
    said = [*notes, *([f"only {len(set(prompts))} prompts"] if len(set(prompts)) < FEW else [])]
    pooled: dict[str, Correlation] = {"spearman": agreement.spearman, "kendall": agreement.kendall}
    for metric, of in pooled.items():
        yield _row(name, task, metric, _ranked(of, judge, human), said, len(found))
    for metric, of in pooled.items():
        yield _per_prompt(name, task, metric, of, found)
    yield _pairwise(name, task, found)
    alpha = _known(lambda: agreement.krippendorff_alpha([judge, human], "interval"))
    yield _row(name, task, "alpha", alpha, [], len(found))
    yield _row(name, task, "leniency", statistics.paired_mean(judge, human, clusters=prompts), [], 0)
    yield from _ceiling(task, found)
    yield from _biases(name, task, found)


def _per_prompt(name: str, task: str, metric: str, of: Correlation, found: Sequence[Item]) -> Result:
    values, skipped = [], 0
    for some in by_prompt(found):
        estimate = _ranked(of, [item.judge for item in some], [item.human for item in some])
        if estimate is None:
            skipped += 1
        else:
            values.append(estimate.value)
    notes = [
        f"mean over {len(values)} prompts; {skipped} with one answer, or one score for all, are left out"
    ]
    return _row(name, task, f"{metric}_per_prompt", statistics.mean(values) if values else None, notes, 0)


def by_prompt(found: Sequence[Item]) -> list[list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in found:
        groups.setdefault(item.prompt, []).append(item)
    return list(groups.values())


def _pairwise(name: str, task: str, found: Sequence[Item]) -> Result:
    """Of two answers to one prompt, whether both sides prefer the same; a pair that a side ties is out."""
    agreed, prompts, ties, pairs = [], [], 0, 0
    for some in by_prompt(found):
        for one, other in combinations(some, 2):
            pairs += 1
            ours, theirs = np.sign(one.judge - other.judge), np.sign(one.human - other.human)
            ties += bool(ours == 0)
            if ours and theirs:
                agreed.append(float(ours == theirs))
                prompts.append(one.prompt)
    share = statistics.mean(agreed, clusters=prompts) if agreed else None
    notes = [f"the judge ties {ties} of {pairs} pairs"] if pairs else ["no prompt has two answers"]
    return _row(name, task, "pairwise", share, notes, pairs - len(agreed))


def _ceiling(task: str, found: Sequence[Item]) -> Iterator[Result]:
    """Spearman of each rater with the mean of the others: what a judge could reach that was one of them."""
    raters = sorted({rater for item in found for rater in item.humans})
    if len(raters) < 2:
        return
    table = np.array([[item.humans.get(rater, np.nan) for rater in raters] for item in found])
    value = _left_out(table)
    if value is None:
        return
    chance = np.random.default_rng(0)
    drawn = [_left_out(table[chance.integers(0, len(table), len(table))]) for _ in range(NUM_RESAMPLES)]
    known = np.array([each for each in drawn if each is not None])
    low, high = bootstrap.percentile(known, CONFIDENCE)
    notes = [f"{len(raters)} raters, each against the mean of the others"]
    estimate = Estimate(value, min(low, value), max(high, value), len(found))
    yield _row("people", task, "ceiling", estimate, notes, 0)


def _left_out(table: bootstrap.Floats) -> float | None:
    """The mean over raters; a rater who ranks nothing is left out."""
    values = []
    for rater in range(table.shape[1]):
        others = np.delete(table, rater, axis=1)
        both = ~np.isnan(table[:, rater]) & ~np.isnan(others).all(axis=1)
        if both.sum() > 1:
            found = _ranked(agreement.spearman, table[both, rater], np.nanmean(others[both], axis=1))
            values += [found.value] if found else []
    return fmean(values) if values else None


def _biases(name: str, task: str, found: Sequence[Item]) -> Iterator[Result]:
    """How scores go with length, the judge's, people's, and what the judge gives beyond people; and place."""
    lengths = [float(item.length) for item in found]
    sides = {
        "length_correlation": [item.judge for item in found],
        "length_correlation_people": [item.human for item in found],
        "length_bias": [item.judge - item.human for item in found],
    }
    if any(lengths):
        for metric, values in sides.items():
            yield _row(name, task, metric, _ranked(agreement.spearman, values, lengths), [], len(found))
    gaps = []
    for some in by_prompt(found):
        placed = sorted((item for item in some if item.place is not None), key=lambda item: item.place or 0)
        if len(placed) > 1 and placed[0].place != placed[-1].place:
            first, last = placed[0], placed[-1]
            gaps.append((first.judge - first.human) - (last.judge - last.human))
    if gaps:
        notes = ["what the first place gains over the last, beyond people's scores"]
        yield _row(name, task, "position_bias", statistics.mean(gaps), notes, 0)


def _ranked(of: Correlation, first: Sequence[float], second: Sequence[float]) -> Estimate | None:
    """None where a side is constant: it ranks nothing."""
    return _known(lambda: of(list(first), list(second)))


def _known(of: Callable[[], Estimate]) -> Estimate | None:
    try:
        return of()
    except ValueError:
        return None


def _count(side: Sequence[Judged]) -> int:
    return sum(len(each.answers) for each in side)


def _row(
    model: str, task: str, metric: str, estimate: Estimate | None, notes: Sequence[str], missing: int
) -> Result:
    """`missing` counts where there is no value at all, and what a figure had to leave out."""
    left_out = missing if estimate is None or metric == "pairwise" else 0
    said = notes if estimate or not missing else [*notes, "one side gives one score to all"]
    return result_row(model, task, metric, estimate, missing=left_out, notes=said)
