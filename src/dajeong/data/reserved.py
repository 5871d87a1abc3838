"""Which records belong to a set that models are measured on: known by what they ask, or by their ids."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from dajeong.data.reserved_digests import USER_ORIENTED
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Record

KULLM = "kullm-user-oriented"
_IDS = re.compile(r"(?:\A|:)user_oriented_task_\d+(?:\.\d+)?\Z")
_COMPARED = 300
"""Letters of a question that are compared."""


def reserved_for(record: Record) -> str | None:
    """The set a record belongs to; None for the rest. A record read for measuring says so itself."""
    if "evaluation" in record.meta:
        return str(record.meta["evaluation"])
    if not isinstance(record, Dialogue):
        return None
    question = next((message for message in record.messages if message.role == "user"), None)
    if question is None:
        return None
    if _IDS.search(record.id) or digest_of(question.content, question.context or "") in USER_ORIENTED:
        return KULLM
    return None


def digest_of(question: str, context: str) -> str:
    """Of letters and digits alone: spacing, case and punctuation make no other question."""
    texts = f"{_letters(question)}\x1f{_letters(context)}"
    return hashlib.blake2b(texts.encode("utf-8"), digest_size=5).hexdigest()


def _letters(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text[: 3 * _COMPARED]).lower()
    return "".join(filter(str.isalnum, composed))[:_COMPARED]


def refuse_reserved(records: Iterable[Record], step: str) -> None:
    """Raises DataProblem if a record that was read for measuring is about to be learned from."""
    for record in records:
        if "evaluation" in record.meta:
            raise DataProblem(
                "evaluation-learned", step=step, set=record.meta["evaluation"], record=record.id
            )
