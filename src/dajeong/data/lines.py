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
from dajeong.data.json_list import list_rows
from dajeong.data.json_rows import parsed
from dajeong.data.rows import Bad, BadRow, Row, bounded_lines, decoded
from dajeong.data.tables import table_rows
from dajeong.errors import DataProblem

_SAMPLE = 1 << 16


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Rows of a .jsonl, .json (list or lines), .csv, .tsv or .txt file (rows `{"text": …}`).

    Raises DataProblem: no such file, nothing in it, not UTF-8 throughout, a list or table that breaks off.
    """
    if not path.is_file():
        raise DataProblem("file-missing", path=path)
    rows = _rows_of(path)
    first = next(rows, None)
    if first is None:
        raise DataProblem("file-empty", path=path)
    yield first
    yield from rows


def _rows_of(path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
        check_encoding(path, sample)
        file.seek(len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0)
        suffix = path.suffix.lower()
        if suffix in (".csv", ".tsv"):
            yield from table_rows(path, file, "\t" if suffix == ".tsv" else ",")
        elif suffix == ".txt":
            yield from _by_line(file, lambda text: {"text": text})
        elif sample.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
            yield from list_rows(path, file)
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
