"""Drops a record that equals an earlier one but for spaces, punctuation and case, or asks a test question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from dajeong.data.filters.digests import Digests, digest_of
from dajeong.data.filters.filter import Dropped, asked, texts_of
from dajeong.data.filters.keys import batch_of
from dajeong.data.filters.settings import ExactDuplicateSettings
from dajeong.records import Record

AT_ONCE = 64
T = TypeVar("T")


class Duplicates:
    def __init__(self, settings: ExactDuplicateSettings) -> None:
        self._text = asked if settings.of == "prompt" else _whole
        self._seen = Digests()

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        for record, digest in digested(records, self._text):
            repeated = digest is not None and not self._seen.add(digest)
            yield Dropped(record, "duplicate") if repeated else record


class Overlap:
    """Drops what asks a question of `against`."""

    def __init__(self, against: Iterable[Record]) -> None:
        self._asked = Digests()
        for _, digest in digested(against, asked):
            if digest is not None:
                self._asked.add(digest)

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        if not len(self._asked):
            yield from records
            return
        for record, digest in digested(records, asked):
            asked_there = digest is not None and digest in self._asked
            yield Dropped(record, "asked-in-test") if asked_there else record


def _whole(record: Record) -> str:
    return "\n".join(texts_of(record))


def digested(records: Iterable[Record], text: Callable[[Record], str]) -> Iterator[tuple[Record, int | None]]:
    """Each record with the digest of its text as compared; None where nothing of it is compared."""
    for chunk in chunks(records, AT_ONCE):
        batch = batch_of([text(record) for record in chunk])
        for record, start, end in zip(chunk, batch.starts, batch.ends, strict=True):
            yield record, digest_of(batch.codes[start:end].tobytes()) if end > start else None


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
