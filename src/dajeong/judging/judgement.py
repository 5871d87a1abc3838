"""What a judge is asked and what comes of it, as records. Knows neither wording nor who judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dajeong.judging.rubric import Criterion, Rubric, Sheet
from dajeong.judging.weights import Weighted
from dajeong.records import Reply, Score


class Question(NamedTuple):
    reply: Reply
    sheet: Sheet
    criterion: Criterion


class Judgement(NamedTuple):
    """A value, or a reason why there is none; and what else is known of it."""

    value: float | None
    reason: str | None = None
    meta: Mapping[str, Any] = {}


class Judge(NamedTuple):
    """Who judged and how: written into every score."""

    name: str
    method: str
    rubric: str
    settings_hash: str


def questions(replies: Sequence[Reply], rubric: Rubric) -> Iterator[Question]:
    """Reply by reply, criterion by criterion."""
    for reply in replies:
        sheet = rubric.sheet(reply.kind)
        if sheet is not None:
            yield from (Question(reply, sheet, criterion) for criterion in sheet.criteria)


def score_of(reply: Reply, criterion: Criterion, found: Judgement, judge: Judge) -> Score:
    """The judgement as a record, with the rubric, the scale and the reply's kind."""
    return Score(
        id=f"{reply.id}/{judge.name}/{judge.method}/{criterion.name}",
        source=reply.source,
        licence=reply.licence,
        kind=reply.kind,
        meta={"rubric": judge.rubric, "scale": [criterion.lowest, criterion.highest], **found.meta},
        reply_id=reply.id,
        scorer=judge.name,
        criterion=criterion.name,
        value=found.value,
        reason=found.reason,
        method=judge.method,
        settings_hash=judge.settings_hash,
    )


def weighed(found: Weighted | None, min_valid_mass: float) -> Judgement:
    """A weighted score as a judgement: missing where too little of the probability is on the scale."""
    if found is None:
        return Judgement(None, "no-score: no score is likely at all")
    mass = round(found.valid_mass, 9)
    if found.valid_mass < min_valid_mass:
        return Judgement(None, f"low-mass: {mass:.3g}", {"valid_mass": mass})
    weights = {str(score): round(share, 9) for score, share in found.weights.items()}
    return Judgement(found.value, None, {"valid_mass": mass, "weights": weights})
