"""What a filter is: a rule, a repair, or something that must see many records. Knows no rule and no file.

A rule only says why not. The frame (`step.py`) counts, samples and keeps what was dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from dajeong.data.clean import answers_of, prompt_of
from dajeong.records import Record


class Dropped(NamedTuple):
    record: Record
    why: str
    """The reason's code and value: `too-short: 12 < 16`."""


class Rule(Protocol):
    """Looks at one record."""

    def why_not(self, record: Record) -> str | None:
        """None keeps the record."""


class Repair(Protocol):
    """Changes one record without changing its meaning."""

    def repaired(self, record: Record, changes: Counter[str]) -> Record:
        """The record, changed where needed; each kind of change is counted once a record."""


class Stream(Protocol):
    """Looks at many records; keeps their order and little of them in memory."""

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        """Every record once, kept or dropped."""


Filter: TypeAlias = Rule | Repair | Stream


def asked(record: Record) -> str:
    """Everything the last question says: its text, and its context below it."""
    message = next((each for each in reversed(prompt_of(record)) if each.role == "user"), None)
    if message is None:
        return ""
    return f"{message.content}\n{message.context}" if message.context else message.content


def texts_of(record: Record) -> list[str]:
    """Every text in a record: messages, contexts, answers."""
    texts: list[str] = []
    for message in prompt_of(record):
        if message.role != "assistant":
            texts += [message.content, *([message.context] if message.context else [])]
    return texts + answers_of(record)
