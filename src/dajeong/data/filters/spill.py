"""Records put aside on disk, to be read again in their order. Knows no rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dajeong.records import Record


class Spill:
    """Records of one type; each takes its line on disk and nothing in memory."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._kind: type[Record] = Record
        self.count = 0

    def filled(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records as they come by, each written down."""
        with self._path.open("wb") as file:
            for record in records:
                self._kind = type(record)
                file.write(record.model_dump_json().encode("utf-8") + b"\n")
                self.count += 1
                yield record

    def __iter__(self) -> Iterator[Record]:
        with self._path.open("rb") as file:
            for line in file:
                yield self._kind.model_validate_json(line)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
