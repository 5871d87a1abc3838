"""Rows of a Parquet file, some thousand in memory at a time. Knows no schema."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

from dajeong.data.rows import Bad, BadRow, Row
from dajeong.errors import DataProblem

_BATCH = 2_000
MAX_IN_ARCHIVE = 1_000_000_000
"""Bytes of a table inside a zip, which must be unpacked to memory: its end is read first."""


def parquet_rows(name: str, file: BinaryIO, in_archive: bool) -> Iterator[Row | BadRow]:
    """Rows by number, 1 for the first; columns of bytes are no text."""
    import pyarrow  # here: half a second
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(_seekable(name, file) if in_archive else file)
        number = 0
        for batch in table.iter_batches(batch_size=_BATCH):
            for value in batch.to_pylist():
                number += 1
                yield plain_row(number, value)
    except (pyarrow.ArrowException, OSError, ValueError) as problem:
        first_line = str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__
        raise DataProblem("table-broken", path=name, problem=first_line) from problem


def _seekable(name: str, file: BinaryIO) -> BinaryIO:
    content = file.read(MAX_IN_ARCHIVE + 1)
    if len(content) > MAX_IN_ARCHIVE:
        raise DataProblem("table-in-archive", path=name, limit=MAX_IN_ARCHIVE)
    return io.BytesIO(content)


def plain_row(number: int, value: dict[str, Any]) -> Row | BadRow:
    """A row of any library's making as one a JSON file could hold."""
    try:
        return Row(number, {str(key): _plain(str(key), each) for key, each in value.items()})
    except Bad as bad:
        return bad.row(number, str(value)[:200])


def _plain(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if "\x00" in value:
            raise Bad("unreadable-nul", value.index("\x00") + 1)
        return value
    if isinstance(value, list | tuple):
        return [_plain(key, each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(f"{key}.{name}", each) for name, each in value.items()}
    if isinstance(value, bytes):
        raise Bad("row-type", field=key, found="bytes", expected="text")
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def _number(value: float) -> float | None:
    """NaN is how tables of numbers leave a cell empty."""
    if math.isinf(value):
        raise Bad("unreadable-number", value=value)
    return None if math.isnan(value) else value
