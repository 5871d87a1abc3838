"""Judging chunk by chunk, each on the disk before the next: a kill costs one chunk. Knows no judge."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from dajeong.records import Score
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

T = TypeVar("T")
CHUNK = 128
"""Judged together; fixed, so that the same ones always are: what is read side by side decides last digits."""
UNFINISHED = "unfinished"


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), max(1, size)))


def kept(judge: Callable[[Sequence[T]], Iterable[Score]], items: Sequence[T], work: Workplace) -> list[Score]:
    """The scores of all items, those of earlier starts read back."""
    found: list[Score] = []
    with work.progress.bar("judging", len(items)) as bar:
        for number, some in enumerate(chunks(items)):
            file = work.folder / UNFINISHED / f"{number:05d}.jsonl"
            if not file.is_file():
                work.check_stop()
                write_records(file, judge(some))
            found += read_records(file, Score)
            bar.advance(len(some))
    return found


def forget(work: Workplace) -> None:
    """Called once the step's own records are written."""
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)
