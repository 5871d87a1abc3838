"""Which records belong to a set that models are measured on: known by their ids, or by what they ask first.

What is known of the sets is in `filters/known_sets` and the hashes beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.filters.set_marks import question_digest, shipped_questions
from dajeong.errors import DataProblem
from dajeong.records import Record

_IDS = {name: re.compile(rf"(?:\A|:)(?:{known.ids})\Z") for name, known in KNOWN_SETS.items() if known.ids}


def reserved_for(record: Record) -> str | None:
    """The set a record belongs to; None for the rest. A record read for measuring says so itself."""
    if "evaluation" in record.meta:
        return str(record.meta["evaluation"])
    named = (name for name, pattern in _IDS.items() if pattern.search(record.id))
    return next(named, None) or shipped_questions().get(question_digest(record))


def refuse_reserved(records: Iterable[Record], step: str) -> None:
    """Raises DataProblem if a record that was read for measuring is about to be learned from."""
    for record in records:
        if "evaluation" in record.meta:
            raise DataProblem(
                "evaluation-learned", step=step, set=record.meta["evaluation"], record=record.id
            )
