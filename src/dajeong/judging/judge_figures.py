"""Scores of judged replies in, result rows out: means with intervals, paired differences. Knows no judge.

Authors are compared only where they answered the same prompts under the same decoding. Tasks are `quality`
and `quality/<kind>`; a metric is a criterion, or `total`, their sum where none is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from dajeong import statistics
from dajeong.judging import judge_biases
from dajeong.records import Decoding, Reply, Result, Score
from dajeong.result_rows import result_row, yes_or_no_note
from dajeong.statistics import FEW

TASK = "quality"
TOTAL = "total"


class Author(NamedTuple):
    """One author's replies under one decoding."""

    name: str
    decoding: str
    replies: Sequence[Reply]


class Scores:
    """The scores of all replies, by reply and criterion."""

    def __init__(self, scores: Sequence[Score], learned: str = "") -> None:
        self.by_reply: dict[str, dict[str, Score]] = {}
        for score in scores:
            self.by_reply.setdefault(score.reply_id, {})[score.criterion] = score
        self.criteria = list(dict.fromkeys(score.criterion for score in scores))
        self.scales = {s.criterion: _scale(s.meta["scale"]) for s in scores if "scale" in s.meta}
        how = dict.fromkeys(f"{s.scorer}, {s.method}, {s.meta.get('rubric', '')}" for s in scores)
        self.how = "; ".join(filter(None, [*how, learned]))
        self.judges = list(dict.fromkeys(score.scorer for score in scores))

    def values(self, replies: Sequence[Reply], metric: str) -> tuple[list[tuple[Reply, float]], int]:
        """(reply, value) of those that have one, and how many miss it."""
        found, missing = [], 0
        for reply in replies:
            asked = self.by_reply.get(reply.id, {})
            wanted = list(asked.values()) if metric == TOTAL else [asked[metric]] if metric in asked else []
            known = [score.value for score in wanted if score.value is not None]
            if wanted and len(known) == len(wanted):
                found.append((reply, sum(known)))
            missing += len(known) < len(wanted)
        return found, missing


def figures(replies: Sequence[Reply], scores: Sequence[Score], learned: str = "") -> list[Result]:
    """Author by author, then the differences of neighbours, decoding by decoding. `learned` says how many of
    the prompts were trained on.
    """
    table = Scores(scores, learned)
    authors = authors_of(replies)
    rows = [row for author in authors for row in _rows(author, table)]
    for decoding in dict.fromkeys(author.decoding for author in authors):
        same = [author for author in authors if author.decoding == decoding]
        for earlier, later in pairwise(same):
            rows += _differences(earlier, later, table)
    return rows


def authors_of(replies: Sequence[Reply]) -> list[Author]:
    groups: dict[tuple[str, str], list[Reply]] = {}
    for reply in replies:
        groups.setdefault((reply.author, named(reply.decoding)), []).append(reply)
    return [Author(name, decoding, some) for (name, decoding), some in groups.items()]


def named(decoding: Decoding | None) -> str:
    """Nothing where none is known, as of people's replies."""
    return "" if decoding is None else decoding.name


def _rows(author: Author, table: Scores) -> Iterator[Result]:
    for task, replies in _scopes(author.replies):
        for metric in _metrics(table):
            values, missing = table.values(replies, metric)
            if values or missing:
                yield _row(author, task, metric, values, missing, table)
    for metric in _metrics(table)[-1:]:
        values, missing = table.values(author.replies, metric)
        if found := judge_biases.by_length(values):
            notes = (table.how, f"{metric} and characters")
            yield result_row(
                author.name,
                TASK,
                "length_correlation",
                found,
                missing=missing,
                decoding=author.decoding,
                notes=notes,
            )


def _metrics(table: Scores) -> list[str]:
    return [*table.criteria, *([TOTAL] if len(table.criteria) > 1 else [])]


def _scopes(replies: Sequence[Reply]) -> list[tuple[str, list[Reply]]]:
    """All replies, then each kind by itself where there is more than one."""
    kinds = sorted({reply.kind for reply in replies})
    parts = [(f"{TASK}/{kind}", [reply for reply in replies if reply.kind == kind]) for kind in kinds]
    return [(TASK, list(replies)), *(parts if len(parts) > 1 else [])]


def _row(
    author: Author,
    task: str,
    metric: str,
    values: Sequence[tuple[Reply, float]],
    missing: int,
    table: Scores,
) -> Result:
    numbers = [value for _, value in values]
    prompts = [reply.prompt_id for reply, _ in values]
    mean = statistics.mean(numbers, clusters=prompts) if values else None
    notes = [table.how, *_remarks(values, metric, table), judge_biases.kin(table.judges, author.name)]
    return result_row(author.name, task, metric, mean, missing=missing, decoding=author.decoding, notes=notes)


def _remarks(values: Sequence[tuple[Reply, float]], metric: str, table: Scores) -> Iterator[str]:
    if not values:
        return
    prompts = {reply.prompt_id for reply, _ in values}
    if len(prompts) < FEW:
        yield f"only {len(prompts)} prompts"
    if metric in table.scales:
        ceiling = fmean(value > table.scales[metric][1] - 0.05 for _, value in values)
        yield f"{ceiling:.0%} at the ceiling"
    masses = [
        score.meta["valid_mass"]
        for reply, _ in values
        if (score := table.by_reply[reply.id].get(metric)) is not None and "valid_mass" in score.meta
    ]
    if masses:
        yield f"valid mass {fmean(masses):.2f}, at least {min(masses):.2f}"


def _differences(earlier: Author, later: Author, table: Scores) -> Iterator[Result]:
    """On the prompts that both answered; each prompt counts once, whatever number of replies it has."""
    for task, after in _scopes(later.replies):
        before = [reply for reply in earlier.replies if task == TASK or f"{TASK}/{reply.kind}" == task]
        for metric in _metrics(table):
            (first, missing), (second, missing_too) = (table.values(some, metric) for some in (after, before))
            one, other = _by_prompt(first), _by_prompt(second)
            shared = [prompt for prompt in one if prompt in other]
            if not shared:
                continue
            mine, theirs = [one[p] for p in shared], [other[p] for p in shared]
            estimate = statistics.paired_mean(mine, theirs)
            notes = [table.how]
            if len(shared) < max(len(one), len(other)):
                notes.append(f"{len(shared)} prompts in common of {len(one)} and {len(other)}")
            if len(shared) < FEW:
                notes.append(f"only {len(shared)} prompts")
            notes.append(yes_or_no_note(mine, theirs, table.scales.get(metric)))
            if not estimate.excludes_zero:
                notes.append("not shown: the interval holds 0")
            left_out, decoding = max(missing, missing_too), later.decoding
            yield result_row(
                later.name,
                task,
                metric,
                estimate,
                missing=left_out,
                versus=earlier.name,
                decoding=decoding,
                notes=notes,
            )


def _scale(ends: Sequence[float]) -> tuple[float, float]:
    return float(ends[0]), float(ends[-1])


def _by_prompt(values: Sequence[tuple[Reply, float]]) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for reply, value in values:
        groups.setdefault(reply.prompt_id, []).append(value)
    return {prompt: fmean(some) for prompt, some in groups.items()}
