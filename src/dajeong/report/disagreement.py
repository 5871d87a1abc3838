"""How far the judgements of replies to one prompt lie apart, and which prompts show it best. Draws nothing.

A missing judgement takes no part: it is neither equal nor different. Ties go by hash, never by content.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import NamedTuple

from dajeong.records import Reply, Score
from dajeong.report.read import Stage, step_of
from dajeong.report.samples import one_each, side_by_side

ANY = ""
"""Of all criteria, the one that differs most."""

OTHER = "…"
"""Where the rare kinds are gathered."""

MAX_CARDS = 240
MAX_CRITERIA = MAX_KINDS = 12
MAX_PAIRS = 6
_TAKEN = (8, 4, 2, 1)
"""Prompts of each kind that a view shows: as many as fit."""


class Verdict(NamedTuple):
    value: float | None
    reason: str | None
    """Why there is no value."""


class Judged(NamedTuple):
    """A prompt that two authors or more answered: author → reply, author → criterion → verdict."""

    prompt_id: str
    kind: str
    replies: Mapping[str, Reply]
    verdicts: Mapping[str, Mapping[str, Verdict]]


class View(NamedTuple):
    """What a reader may choose to be sorted by."""

    authors: tuple[str, ...]
    criterion: str


class Browsed(NamedTuple):
    """Everything of one step that can be looked at, and where each prompt stands in each view."""

    authors: Sequence[str]
    pairs: Sequence[tuple[str, ...]]
    """All authors first."""
    criteria: Sequence[str]
    kinds: Sequence[str]
    prompts: Sequence[Judged]
    total: int
    apart: int
    each: int
    places: Mapping[View, Mapping[str, int]]
    """View → prompt id → its place, the widest apart at 0."""


def browsed(stage: Stage, stages: Sequence[Stage]) -> Browsed | None:
    """None where no prompt has judged replies of two authors."""
    found = _grouped(_judged(stage, stages))
    scales = _scales(stage.scores)
    authors = side_by_side([author for one in found for author in one.replies])
    if not found or not scales:
        return None
    pairs = _pairs(authors)
    criteria = list(scales)[:MAX_CRITERIA]
    views = [View(pair, criterion) for pair in pairs for criterion in (ANY, *criteria)]
    shares = {pair: _shares(found, pair, scales) for pair in pairs}
    ranked = {view: _ranked(found, shares[view.authors], view.criterion) for view in views}
    each, chosen = _chosen(ranked)
    shown = {prompt for places in chosen.values() for prompt in places}
    kinds = list(dict.fromkeys(one.kind for one in found))
    prompts = [one for one in _in_order(found, chosen[views[0]]) if one.prompt_id in shown]
    return Browsed(authors, pairs, criteria, kinds, prompts, len(found), len(ranked[views[0]]), each, chosen)


def _judged(stage: Stage, stages: Sequence[Stage]) -> list[Judged]:
    verdicts = _verdicts(stage.scores)
    judged = [reply for reply in _replies(stage, stages) if reply.id in verdicts]
    return [
        Judged(
            prompt_id,
            next(iter(by_author.values())).kind,
            by_author,
            {author: verdicts[reply.id] for author, reply in by_author.items()},
        )
        for prompt_id, by_author in one_each(judged).items()
        if len(by_author) > 1
    ]


def _replies(stage: Stage, stages: Sequence[Stage]) -> list[Reply]:
    """Its own, or those of the steps that it judges."""
    judged = {step_of(reference) for reference in stage.inputs.get("replies", ())}
    others = [reply for each in stages if each.name in judged for reply in each.replies]
    return list(stage.replies) or others


def _verdicts(scores: Sequence[Score]) -> dict[str, dict[str, Verdict]]:
    """reply id → criterion → verdict. A comparison tells of both its replies: the other has the rest of 1."""
    found: dict[str, dict[str, list[Score]]] = {}
    for side in chain.from_iterable(map(_sides, scores)):
        found.setdefault(side.reply_id, {}).setdefault(side.criterion, []).append(side)
    return {
        reply: {criterion: _mean(given) for criterion, given in by_criterion.items()}
        for reply, by_criterion in found.items()
    }


def _sides(score: Score) -> list[Score]:
    other = score.meta.get("other")
    if not isinstance(other, str):
        return [score]
    rest = None if score.value is None else 1 - score.value
    return [score, score.model_copy(update={"reply_id": other, "value": rest})]


def _mean(scores: Sequence[Score]) -> Verdict:
    known = [score.value for score in scores if score.value is not None and math.isfinite(score.value)]
    if known:
        return Verdict(math.fsum(known) / len(known), None)
    return Verdict(None, scores[0].reason)


def _scales(scores: Sequence[Score]) -> dict[str, float]:
    """Criterion → the length of its scale: as the judge says, else as its values reach."""
    reach: dict[str, list[float]] = {}
    for score in scores:
        stated = score.meta.get("scale")
        numbers = [*(stated if isinstance(stated, list) else ()), score.value]
        numbers = [float(each) for each in numbers if isinstance(each, int | float) and math.isfinite(each)]
        numbers += [1 - each for each in numbers if "other" in score.meta]
        reach.setdefault(score.criterion, []).extend(numbers)
    lengths = {criterion: max(found) - min(found) for criterion, found in reach.items() if found}
    return {criterion: length for criterion, length in lengths.items() if length > 0}


def _grouped(found: Sequence[Judged]) -> list[Judged]:
    counted = Counter(one.kind for one in found)
    if len(counted) <= MAX_KINDS:
        return list(found)
    kept = {
        kind for kind, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[: MAX_KINDS - 1]
    }
    return [one if one.kind in kept else one._replace(kind=OTHER) for one in found]


def _pairs(authors: Sequence[str]) -> list[tuple[str, ...]]:
    """All of them, then two by two, the later authors first: they are what the run ends with."""
    two = [] if len(authors) == 2 else list(combinations(authors, 2))
    two.sort(key=lambda pair: tuple(-authors.index(author) for author in pair[::-1]))
    return [tuple(authors), *two[:MAX_PAIRS]]


def _shares(
    found: Sequence[Judged], authors: Sequence[str], scales: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Prompt id → criterion → how far apart, as a share of the scale; at `ANY` the widest of them."""
    by_prompt = {}
    for one in found:
        shares = {name: spread(one, authors, name) / scale for name, scale in scales.items()}
        by_prompt[one.prompt_id] = {**shares, ANY: max(shares.values())}
    return by_prompt


def _ranked(
    found: Sequence[Judged], shares: Mapping[str, Mapping[str, float]], criterion: str
) -> list[Judged]:
    """Those that are apart at all, the widest first; then those that differ in more."""
    apart = [one for one in found if shares[one.prompt_id][criterion] > 0]
    return sorted(apart, key=lambda one: _width(one.prompt_id, shares[one.prompt_id], criterion))


def _width(prompt_id: str, shares: Mapping[str, float], criterion: str) -> tuple[float, float, str]:
    in_all = math.fsum(share for name, share in shares.items() if name != ANY)
    return -shares[criterion], -in_all, _hash(prompt_id)


def spread(one: Judged, authors: Sequence[str], criterion: str) -> float:
    """Highest minus lowest value; 0 where fewer than two are known."""
    given = (one.verdicts.get(author, {}).get(criterion) for author in authors)
    known = [verdict.value for verdict in given if verdict is not None and verdict.value is not None]
    return max(known) - min(known) if known else 0.0


def _hash(prompt_id: str) -> str:
    return hashlib.sha256(prompt_id.encode("utf-8", "surrogatepass")).hexdigest()


def _chosen(ranked: Mapping[View, Sequence[Judged]]) -> tuple[int, dict[View, dict[str, int]]]:
    """The same number of each kind in every view, as many as a page can hold."""
    for each in _TAKEN:
        chosen = {view: _first(prompts, each) for view, prompts in ranked.items()}
        if len({prompt for places in chosen.values() for prompt in places}) <= MAX_CARDS:
            break
    return each, chosen


def _first(prompts: Sequence[Judged], each: int) -> dict[str, int]:
    seen: Counter[str] = Counter()
    kept: dict[str, int] = {}
    for one in prompts:
        seen[one.kind] += 1
        if seen[one.kind] <= each:
            kept[one.prompt_id] = len(kept)
    return kept


def _in_order(found: Sequence[Judged], places: Mapping[str, int]) -> list[Judged]:
    """As the first view has them, for browsers that cannot sort."""
    return sorted(found, key=lambda one: (places.get(one.prompt_id, len(found)), _hash(one.prompt_id)))
