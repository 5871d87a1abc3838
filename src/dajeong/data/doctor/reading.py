"""A file of data as it is: what can be read becomes records, nothing is tidied and nothing is dropped.

The source is named, or it is the one that reads most of the first rows.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dajeong.data.files import raw_files
from dajeong.data.lines import read_rows, rows_of_file
from dajeong.data.rows import Bad, BadRow, Left, Row
from dajeong.data.sniff import likely_source
from dajeong.data.sources import SOURCES, find_source
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Preference, Record

NUM_TRIED = 50


class Reading:
    """Everything in the files, and a count of what could not be read."""

    def __init__(self, paths: Sequence[Path], source: str | None = None) -> None:
        self.paths = list(paths)
        self.source = source or guessed(self.paths)
        self.rows, self.unreadable = 0, 0
        self.rejects: Counter[str] = Counter()
        """Code of `messages` → rows that could not be read."""
        self.left_out: Counter[str] = Counter()
        """Rule of the source → parts that it leaves out."""
        self.examples: list[str] = []
        """Places of the first unreadable rows."""

    def records(self) -> Iterator[Record]:
        source = find_source(self.source)
        for path in self.paths:
            for file in raw_files(path, source.files):
                for row in rows_of_file(file):
                    self.rows += 1
                    yield from self._of_row(file.name, row, source.licence)

    def _of_row(self, file: str, row: Row | BadRow, licence: str) -> Iterator[Record]:
        if isinstance(row, BadRow):
            self._refuse(row.code, f"{file}:{row.line}")
            return
        try:
            parts = find_source(self.source).records(self.source, row.value)
        except Bad as bad:
            self._refuse(bad.code, f"{file}:{row.line}")
            return
        for part in parts:
            if isinstance(part, Left):
                self.left_out[part.rule] += 1
            elif isinstance(part, Dialogue | Preference):
                yield part if part.licence else part.model_copy(update={"licence": licence})

    def _refuse(self, code: str, place: str) -> None:
        self.unreadable += 1
        self.rejects[code] += 1
        if len(self.examples) < 5:
            self.examples.append(place)


def guessed(paths: Sequence[Path]) -> str:
    """The source that reads most of the first rows. Raises DataProblem where none reads any."""
    rows = [row.value for row in itertools.islice(read_rows(paths[0]), NUM_TRIED) if isinstance(row, Row)]
    likely = Counter(name for row in rows if (name := likely_source(row)))
    names = dict.fromkeys(["dajeong", *(name for name, _ in likely.most_common()), *SOURCES])
    read = {name: sum(_reads(name, row) for row in rows) for name in names}
    best = max(names, key=lambda name: read[name])  # the first of several
    if not read[best]:
        columns = ", ".join(str(key) for key in rows[0])[:200] if rows else "–"
        raise DataProblem("source-unclear", path=paths[0], columns=columns, known=", ".join(SOURCES))
    return best


def _reads(name: str, row: dict[str, Any]) -> bool:
    try:
        return bool(SOURCES[name].records(name, row))
    except Bad:
        return False
