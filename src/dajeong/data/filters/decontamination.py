"""Drops a record that holds a piece of an evaluation set, and says of which. Knows no n-gram."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dajeong.data.filters.duplicates import chunks
from dajeong.data.filters.evaluation_index import AT_ONCE, EvaluationIndex, Marks, marks_of
from dajeong.data.filters.filter import Dropped, texts_of
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.filters.set_marks import file_marks, shipped_marks
from dajeong.data.filters.settings import DecontaminationSettings
from dajeong.records import Record


class Decontamination:
    def __init__(self, settings: DecontaminationSettings, against: Iterable[Record] = ()) -> None:
        names = KNOWN_SETS if settings.sets is None else settings.sets
        marks = shipped_marks(names) + [file_marks(Path(file)) for file in settings.files]
        own = marks_of("against", (text for record in against for text in texts_of(record)))
        self._index = EvaluationIndex([*marks, *_if_any(own)])

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        for chunk in chunks(records, AT_ONCE):
            texts = [texts_of(record) for record in chunk]
            found = iter(self._index.sets_in([text for each in texts for text in each]))
            for record, each in zip(chunk, texts, strict=True):
                name = next((name for name in [next(found) for _ in each] if name), None)
                yield Dropped(record, f"evaluation-set: {name}") if name else record


def _if_any(marks: Marks) -> list[Marks]:
    return [marks] if len(marks.grams) or len(marks.short) else []
