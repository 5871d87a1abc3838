"""Judged answers in, the tables of KULLM and VAIV out: averages, scaled, relative, compared. Knows no file.

Every figure has its interval. Models are compared only on prompts that both answered, and only under one
decoding; otherwise the row says why there is no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from dajeong import agreement, bootstrap, statistics
from dajeong.errors import UsageProblem
from dajeong.evaluation.judged_files import Judged, Key, name_of
from dajeong.records import Result
from dajeong.result_rows import result_row, yes_or_no_note
from dajeong.statistics import CONFIDENCE, FEW, Estimate

TASK = "quality"
TOTAL, SCALED, FULL_MARKS = "total", "scaled", "full_marks"
NOT_SHOWN = "not shown: the interval holds 0"
NO_INTERVAL = "no interval: only averages are given"
Values = Mapping[Key, float]


def quality(judged: Sequence[Judged], reference: str | None = None) -> list[Result]:
    """Kind by kind: every model's rows, then what sets the others apart from the reference."""
    rows: list[Result] = []
    for kind in dict.fromkeys(each.kind for each in judged):
        same = [each for each in judged if each.kind == kind]
        rows += [row for each in same for row in _figures(each)]
        first = next((each for each in same if each.model == reference), None if reference else same[0])
        rows += [row for each in same if first and each is not first for row in _against(each, first)]
    return rows


def known(judged: Sequence[Judged], reference: str | None) -> str | None:
    """The reference if it is one of the models, or none wanted. Raises UsageProblem."""
    models = list(dict.fromkeys(each.model for each in judged))
    if reference is not None and reference not in models:
        raise UsageProblem("judged-reference", reference=reference, known=", ".join(models))
    return reference


def metrics(judged: Judged) -> dict[str, Values]:
    """Name → value of every answer that has it: each criterion, their sum, and the mean of them as 0–100."""
    found: dict[str, Values] = {name_of(column): judged.values(column) for column in judged.scales}
    if len(judged.scales) > 1:
        whole = {key: answer.scores for key, answer in judged.answers.items()}
        found[TOTAL] = _whole(whole, lambda scores: sum(scores.values()))
        found[SCALED] = _whole(whole, lambda scores: scaled(scores, judged))
    else:
        (column,) = judged.scales
        found[SCALED] = {key: scaled({column: value}, judged) for key, value in judged.values(column).items()}
    return found


def scaled(scores: Mapping[str, float], judged: Judged) -> float:
    """KULLM's chart: (x − min) / (max − min) · 100 of every criterion, then their mean."""
    shares = [
        (value - judged.scales[column][0]) / (judged.scales[column][1] - judged.scales[column][0])
        for column, value in scores.items()
    ]
    return round(100 * sum(shares) / len(shares), 9)  # 54.85 is printed as 54.9, not as 54.8


def _whole(
    answers: Mapping[Key, Mapping[str, float | None]], of: Callable[[Mapping[str, float]], float]
) -> dict[Key, float]:
    """Of the answers that miss no score."""
    found = {}
    for key, scores in answers.items():
        known = {column: value for column, value in scores.items() if value is not None}
        if len(known) == len(scores):
            found[key] = of(known)
    return found


def _figures(judged: Judged) -> Iterator[Result]:
    if judged.averages is not None:
        yield from _printed(judged, judged.averages)
        return
    highest = {name_of(column): high for column, (_, high) in judged.scales.items()}
    n = len(judged.answers)
    for metric, values in metrics(judged).items():
        mean = statistics.mean(list(values.values()), clusters=_prompts(values)) if values else None
        notes = [f"{judged.unreadable} rows could not be read"] if judged.unreadable else []
        if values and metric in highest:
            top = sum(value >= highest[metric] for value in values.values())
            notes.append(f"{top / len(values):.0%} at the ceiling")
        yield _row(judged, metric, mean, n - len(values), [*notes, *_few(values)])
    yield from _full_marks(judged)
    yield from _correlations(judged)


def _printed(judged: Judged, averages: Mapping[str, float]) -> Iterator[Result]:
    """Averages as given; their scaled mean is that of the scaled answers, as scaling is linear."""
    named = {name_of(column): value for column, value in averages.items()}
    if len(averages) == len(judged.scales):
        named |= {TOTAL: sum(averages.values()), SCALED: scaled(averages, judged)}
    for metric, value in named.items():
        yield _row(judged, metric, None, 0, [NO_INTERVAL]).model_copy(update={"value": value})


def _full_marks(judged: Judged) -> Iterator[Result]:
    """The share of answers with the highest score in everything: what no better model could gain on."""
    highest = {column: high for column, (_, high) in judged.scales.items()}
    full = _whole(
        {key: answer.scores for key, answer in judged.answers.items()},
        lambda scores: float(all(value >= highest[column] for column, value in scores.items())),
    )
    if full:
        share = statistics.wilson(sum(full.values()), len(full))
        yield _row(judged, FULL_MARKS, share, len(judged.answers) - len(full), [])


def _correlations(judged: Judged) -> Iterator[Result]:
    """Spearman's ρ of every two criteria: where all are near 1, they are one under several names."""
    for one, other in combinations(judged.scales, 2):
        first, second = judged.values(one), judged.values(other)
        shared = [key for key in first if key in second]
        left, right = ([side[key] for key in shared] for side in (first, second))
        if len(shared) > 3 and len(set(left)) > 1 and len(set(right)) > 1:
            found = agreement.spearman(left, right)
            metric = f"correlation: {name_of(one)} × {name_of(other)}"
            yield _row(judged, metric, found, len(judged.answers) - len(shared), [])


def _against(judged: Judged, reference: Judged) -> Iterator[Result]:
    """Differences from the reference, and the score as percent of its score, on the prompts both answered."""
    if judged.averages is not None or reference.averages is not None:
        yield from _printed_relative(judged, reference)
        return
    why = _not_comparable(judged, reference)
    if why:
        nothing = _row(judged, SCALED, None, len(judged.answers), [why])
        yield nothing.model_copy(update={"versus": reference.model})
        return
    ours, theirs = metrics(judged), metrics(reference)
    notes = _common(judged, reference)
    scales = {name_of(column): scale for column, scale in judged.scales.items()}
    for metric in ours:
        if metric not in theirs:
            continue
        shared = [key for key in ours[metric] if key in theirs[metric]]
        if not shared:
            continue
        first, second = ([side[metric][key] for key in shared] for side in (ours, theirs))
        missing = len([key for key in judged.answers if key in reference.answers]) - len(shared)
        clusters = _prompts(dict.fromkeys(shared, 0.0))
        found = statistics.paired_mean(first, second, clusters=clusters)
        tested = yes_or_no_note(first, second, scales.get(metric))
        few = _few(dict.fromkeys(shared, 0.0))
        said = [*notes, *few, tested, "" if found.excludes_zero else NOT_SHOWN]
        yield _row(judged, metric, found, missing, said).model_copy(update={"versus": reference.model})
        yield _row(judged, f"relative {metric}", _ratio(first, second), missing, [f"% of {reference.model}"])


def _ratio(first: Sequence[float], second: Sequence[float]) -> Estimate | None:
    """100 · mean / mean, its interval by resampling prompts: both means move together."""
    if not sum(second) > 0:
        return None
    sums, counts = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = bootstrap.ratios(sums, counts, 0)
    low, high = bootstrap.percentile(100 * drawn[np.isfinite(drawn)], CONFIDENCE)
    value = 100 * sum(first) / sum(second)
    return Estimate(value, min(low, value), max(high, value), len(first))


def _printed_relative(judged: Judged, reference: Judged) -> Iterator[Result]:
    ours, theirs = ({row.metric: row.value for row in _figures(each)} for each in (judged, reference))
    for metric, value in ours.items():
        other = theirs.get(metric)
        if value is not None and other and metric != FULL_MARKS and ":" not in metric:
            row = _row(judged, f"relative {metric}", None, 0, [f"% of {reference.model}", NO_INTERVAL])
            yield row.model_copy(update={"value": 100 * value / other})


def _not_comparable(judged: Judged, reference: Judged) -> str:
    if judged.decoding != reference.decoding:
        decodings = f"{judged.decoding or 'unknown'} and {reference.decoding or 'unknown'}"
        return f"not compared: decodings differ, {decodings}"
    if not set(judged.answers) & set(reference.answers):
        return "not compared: no prompt in common"
    scales = {column: scale for column, scale in reference.scales.items() if column in judged.scales}
    if any(judged.scales[column] != scale for column, scale in scales.items()):
        return "not compared: scales differ"
    return ""


def _common(judged: Judged, reference: Judged) -> list[str]:
    shared = len(set(judged.answers) & set(reference.answers))
    sizes = len(judged.answers), len(reference.answers)
    return (
        [f"only the {shared} prompts in common of {sizes[0]} and {sizes[1]}"] if shared < max(sizes) else []
    )


def _few(values: Mapping[Key, float]) -> list[str]:
    prompts = len({prompt for prompt, _ in values})
    return [f"only {prompts} prompts"] if prompts < FEW else []


def _prompts(values: Mapping[Key, float]) -> list[str]:
    return [prompt for prompt, _ in values]


def _row(
    judged: Judged, metric: str, estimate: Estimate | None, missing: int, notes: Sequence[str]
) -> Result:
    task = f"{TASK}/{judged.kind}" if judged.kind else TASK
    return result_row(
        judged.model, task, metric, estimate, missing=missing, decoding=judged.decoding, notes=notes
    )
