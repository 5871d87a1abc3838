"""A file of data → rows, whatever its format. Knows no schema.

JSON Lines and text: one bad line costs that line. A JSON list or a table whose structure breaks would lose
everything behind the break, so that is an error and not a bad line.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dajeong.data.encodings import check_encoding
from dajeong.data.files import BROKEN, RawFile, raw_files
from dajeong.data.foreign import PARQUET, check_text
from dajeong.data.json_document import document_row, is_document
from dajeong.data.json_list import list_rows
from dajeong.data.json_rows import parsed
from dajeong.data.parquet import parquet_rows
from dajeong.data.rows import Bad, BadRow, Row, bounded_lines, decoded
from dajeong.data.tables import table_rows
from dajeong.errors import DataProblem

_SAMPLE = 1 << 16


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Rows of a file, or of every file of a folder or a zip.

    .jsonl, .json (a list, lines, or one object), .csv, .tsv, .parquet, .txt (rows `{"text": …}`).
    Raises DataProblem: no such file, nothing in it, not UTF-8 throughout, a list or table that breaks off.
    """
    for file in raw_files(path):
        yield from rows_of_file(file)


def rows_of_file(file: RawFile) -> Iterator[Row | BadRow]:
    rows = _unpacked(file) if file.in_archive else _rows_of(file)
    first = next(rows, None)
    if first is None:
        raise DataProblem("file-empty", path=file.name)
    yield first
    yield from rows


def _unpacked(file: RawFile) -> Iterator[Row | BadRow]:
    try:
        yield from _rows_of(file)
    except BROKEN as problem:
        raise DataProblem("archive-broken", path=file.name, problem=problem) from problem


def _rows_of(raw: RawFile) -> Iterator[Row | BadRow]:
    with raw.opened() as file:
        sample = file.read(_SAMPLE)
        check_text(raw.name, sample)
        if raw.suffix == ".parquet" or sample.startswith(PARQUET):
            file.seek(0)
            yield from parquet_rows(raw.name, file, raw.in_archive)
            return
        check_encoding(raw.name, sample)
        start = len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0
        file.seek(start)
        if raw.suffix in (".csv", ".tsv"):
            yield from table_rows(raw.name, file, raw.suffix, sample[start:])
        elif raw.suffix == ".txt":
            yield from _by_line(file, lambda text: {"text": text})
        else:
            yield from _json_rows(raw, file, start, sample[start:].lstrip())


def _json_rows(raw: RawFile, file: BinaryIO, start: int, beginning: bytes) -> Iterator[Row | BadRow]:
    if beginning.startswith(b"["):
        yield from list_rows(raw.name, file)
        return
    document = raw.suffix == ".json" and beginning.startswith(b"{") and is_document(file)
    file.seek(start)
    if document:
        yield document_row(file)
    else:
        yield from _by_line(file, parsed)


def _by_line(file: BinaryIO, parse: Callable[[str], dict[str, Any]]) -> Iterator[Row | BadRow]:
    for number, line in bounded_lines(file):
        text = ""
        try:
            text = decoded(line).rstrip("\r\n")
            if text.strip():
                yield Row(number, parse(text))
        except Bad as bad:
            yield bad.row(number, text or repr(line[:60] if line else b"")[2:-1])
