"""Log-likelihoods of choices in, result rows out: macro-F1, accuracy, differences. Knows no model.

The likeliest choice is the prediction; of equal ones the first. An item with a log-likelihood that is no
number is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from dajeong import statistics
from dajeong.data.kobest_tasks import Name
from dajeong.evaluation import macro_f1
from dajeong.evaluation.kobest_prompts import Item, is_length_normalised
from dajeong.records import Result
from dajeong.result_rows import mcnemar_note, result_row
from dajeong.statistics import Estimate

TASK = "kobest"
NEARLY_ALL = 0.95
"""A predictor that says one label this often is called degenerate."""
CLOSE = 1e-5
"""Log-likelihoods nearer than this might change places with other arithmetic."""


class Answered(NamedTuple):
    """One model's log-likelihoods of one task's choices, under one decoding."""

    model: str
    decoding: str
    name: Name
    items: Sequence[Item]
    log_likelihoods: Sequence[Sequence[float | None]]
    notes: str = ""

    def predictions(self, normalised: bool = False) -> list[int | None]:
        """The choice it takes of each item, None where one has no number. `normalised`: per character."""
        return [
            _taken(values, [len(choice) if normalised else 1 for choice in item.choices])
            for item, values in zip(self.items, self.log_likelihoods, strict=True)
        ]

    def hits(self, normalised: bool = False) -> list[bool | None]:
        """Whether it takes the answer."""
        taken = self.predictions(normalised)
        return [
            None if each is None else each == item.label for each, item in zip(taken, self.items, strict=True)
        ]


def _taken(values: Sequence[float | None], lengths: Sequence[int]) -> int | None:
    """The first of the largest."""
    pairs = zip(values, lengths, strict=True)
    known = [value / max(1, length) for value, length in pairs if value is not None]
    return known.index(max(known)) if known and len(known) == len(values) else None


def figures(answered: Sequence[Answered]) -> list[Result]:
    """By decoding: every model's rows, the mean over tasks first, then the differences of neighbours."""
    rows: list[Result] = []
    for decoding in dict.fromkeys(each.decoding for each in answered):
        by_model: dict[str, list[Answered]] = {}
        for each in answered:
            if each.decoding == decoding:
                by_model.setdefault(each.model, []).append(each)
        for tasks in by_model.values():
            rows += _figures_of(tasks)
        for earlier, later in pairwise(by_model.values()):
            rows += _differences(earlier, later)
    return rows


def _figures_of(tasks: Sequence[Answered]) -> Iterator[Result]:
    """The mean of the tasks' macro-F1, each counting alike, then every task."""
    tables = [_table(each) for each in tasks]
    missing = sum(len(each.items) for each in tasks) - sum(int(table.sum()) for table in tables)
    if len(tasks) > 1:
        overall = macro_f1.mean_of(tables) if all(table.any() for table in tables) else None
        notes = f"mean of {', '.join(each.name for each in tasks)}"
        yield _row(tasks[0], TASK, "macro_f1", overall, missing, notes=notes)
    for each, counts in zip(tasks, tables, strict=True):
        missing = len(each.items) - int(counts.sum())
        estimate = macro_f1.mean_of([counts]) if counts.any() else None
        task = f"{TASK}/{each.name}"
        yield _row(each, task, "macro_f1", estimate, missing, notes=_said(each, counts))
        for metric in _shares(each.name):
            known = [hit for hit in each.hits(metric == "acc_norm") if hit is not None]
            share = statistics.wilson(sum(known), len(known)) if known else None
            yield _row(each, task, metric, share, missing)


def _differences(earlier: Sequence[Answered], later: Sequence[Answered]) -> Iterator[Result]:
    """Of models that were asked the same items."""
    both = list(zip(earlier, later, strict=True))
    tables = [_joint(before, after) for before, after in both]
    if len(both) > 1 and all(table.any() for table in tables):
        yield _row(later[0], TASK, "macro_f1", macro_f1.difference(tables), 0, versus=earlier[0].model)
    for (before, after), joint in zip(both, tables, strict=True):
        if joint.any():
            yield from _difference(before, after, joint)


def _difference(earlier: Answered, later: Answered, joint: macro_f1.Counts) -> Iterator[Result]:
    task, missing = f"{TASK}/{later.name}", len(later.items) - int(joint.sum())
    yield _row(later, task, "macro_f1", macro_f1.difference([joint]), missing, versus=earlier.model)
    for metric in _shares(later.name):
        normalised = metric == "acc_norm"
        pairs = zip(later.hits(normalised), earlier.hits(normalised), strict=True)
        known = [(one, other) for one, other in pairs if one is not None and other is not None]
        first, second = [one for one, _ in known], [other for _, other in known]
        notes = mcnemar_note(first, second)
        estimate = statistics.paired_shares(first, second)
        yield _row(later, task, metric, estimate, missing, versus=earlier.model, notes=notes)


def _shares(name: Name) -> list[str]:
    return ["accuracy", "acc_norm"] if is_length_normalised(name) else ["accuracy"]


def _table(answered: Answered) -> macro_f1.Counts:
    """(answer, prediction) over the items that are not missing."""
    pairs = zip(answered.items, answered.predictions(), strict=True)
    return macro_f1.table(
        _num_labels(answered), [(item.label, taken) for item, taken in pairs if taken is not None]
    )


def _joint(earlier: Answered, later: Answered) -> macro_f1.Counts:
    """(answer, later's prediction, earlier's prediction) over the items that neither misses."""
    pairs = zip(later.items, later.predictions(), earlier.predictions(), strict=True)
    known = [(item.label, one, other) for item, one, other in pairs if one is not None and other is not None]
    return macro_f1.table(_num_labels(later), known, columns=3)


def _num_labels(answered: Answered) -> int:
    return max(len(item.choices) for item in answered.items)


def _said(answered: Answered, counts: macro_f1.Counts) -> str:
    """Whether one label is nearly all it says; what it said, what was right; close calls."""
    names, said, right = _names(answered), counts.sum(axis=0), counts.sum(axis=1)
    notes = []
    if counts.any() and said.max() >= NEARLY_ALL * said.sum():
        label = int(said.argmax())
        always = macro_f1.of_counts(np.outer(right, np.arange(len(said)) == label))
        share = f"{names[label]} {said.max() / said.sum():.1%}"
        notes.append(f"degenerate: {share}, always {names[label]} would be {float(always):.3f}")
    for word, numbers in (("predicted", said), ("answers", right)):
        spoken = (f"{name} {number}" for name, number in zip(names, numbers, strict=True))
        notes.append(f"{word} {', '.join(spoken)}")
    close = sum(_is_close(values) for values in answered.log_likelihoods)
    return "; ".join([*notes, *([f"closer than {CLOSE:g}: {close}"] if close else [])])


def _names(answered: Answered) -> list[str]:
    """The labels as they read where they are always the same, else their places."""
    choices = {item.choices for item in answered.items}
    places = [f"#{number}" for number in range(1, _num_labels(answered) + 1)]
    return list(choices.pop()) if len(choices) == 1 else places


def _is_close(values: Sequence[float | None]) -> bool:
    known = sorted((value for value in values if value is not None), reverse=True)
    return len(known) == len(values) > 1 and known[0] - known[1] < CLOSE


def _row(
    answered: Answered,
    task: str,
    metric: str,
    estimate: Estimate | None,
    missing: int,
    versus: str | None = None,
    notes: str = "",
) -> Result:
    return result_row(
        answered.model,
        task,
        metric,
        estimate,
        missing=missing,
        versus=versus,
        decoding=answered.decoding,
        notes=(answered.notes, notes),
    )
