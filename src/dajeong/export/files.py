"""Rows into a file, whole or not at all: JSON Lines, a JSON list, Parquet, CSV. Knows no record.

A cell of a table that a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from dajeong.errors import UsageProblem
from dajeong.storage import whole_file

Row = dict[str, Any]
_BATCH = 5_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula; spreadsheets of East Asia read the full-width forms too (OWASP: CSV injection)."""


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write by the suffix of `path`; returns how many. Raises UsageProblem for a suffix nobody writes."""
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    write = writer_of(path)
    with whole_file(path) as file:
        write(file, counted())
    return count


def writer_of(path: Path) -> Callable[[IO[bytes], Iterable[Row]], None]:
    if path.suffix.lower() not in WRITERS:
        raise UsageProblem("export-suffix", path=path, known=", ".join(WRITERS))
    return WRITERS[path.suffix.lower()]


def _as_json(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8")


def _lines(file: IO[bytes], rows: Iterable[Row]) -> None:
    for row in rows:
        file.write(_as_json(row) + b"\n")


def _list(file: IO[bytes], rows: Iterable[Row]) -> None:
    file.write(b"[")
    for number, row in enumerate(rows):
        file.write((b",\n" if number else b"\n") + _as_json(row))
    file.write(b"\n]\n")


def _parquet(file: IO[bytes], rows: Iterable[Row]) -> None:
    """Types are those of the first row: text, or a list of messages."""
    import pyarrow  # here: half a second
    import pyarrow.parquet as parquet

    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    schema = pyarrow.schema([(name, _type(value)) for name, value in first.items()])
    with parquet.ParquetWriter(file, schema) as writer:
        for batch in _batches(itertools.chain([first], rows)):
            writer.write_table(pyarrow.Table.from_pylist(batch, schema))


def _type(value: Any) -> Any:
    import pyarrow

    if isinstance(value, list):
        return pyarrow.list_(pyarrow.struct([(name, pyarrow.string()) for name in value[0]]))
    return pyarrow.string()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch


def _csv(file: IO[bytes], rows: Iterable[Row]) -> None:
    """With a byte order mark: without one, spreadsheets on Korean systems read CP949."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\r\n")
            writer.writeheader()
        writer.writerow({name: harmless(str(cell)) for name, cell in row.items()})
    text.detach()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


WRITERS: Mapping[str, Callable[[IO[bytes], Iterable[Row]], None]] = {
    ".jsonl": _lines,
    ".json": _list,
    ".parquet": _parquet,
    ".csv": _csv,
}
"""Suffix → what writes such a file."""
