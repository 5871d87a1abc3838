"""Rows of a table with a header line.

A row of the wrong width costs itself; an open quote would swallow all behind it, so it is an error.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from dajeong import messages
from dajeong.data.rows import MAX_LINE, Bad, BadRow, Row, bounded_lines, decoded
from dajeong.errors import DataProblem


def table_rows(path: str, file: BinaryIO, suffix: str, beginning: bytes) -> Iterator[Row | BadRow]:
    """`.tsv` has no quoting: a quote in it is a quote. What parts the cells of a `.csv` its header tells."""
    csv.field_size_limit(MAX_LINE)  # a cell may be as long as a line; csv's own limit is 131,072
    texts = (_text(line) for _, line in bounded_lines(file))
    if suffix == ".tsv":
        reader = csv.reader(texts, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(texts, delimiter=_delimiter(beginning), strict=True)
    line = 1
    try:
        header = _header(_checked(next(reader, [])))
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if cells:
                yield _row(line, header, cells)
    except csv.Error as problem:
        code = "unreadable-cut" if "end of data" in str(problem) else "unreadable-table"
        raise _broken(path, line, messages.text(code, problem=problem)) from problem
    except Bad as problem:
        raise _broken(path, line, messages.text(problem.code, **problem.parameters)) from problem


def _delimiter(beginning: bytes) -> str:
    """Spreadsheets of other countries write a semicolon, and some a tab."""
    header = beginning.partition(b"\n")[0]
    return max(",;\t", key=lambda mark: header.count(mark.encode()))


def _broken(path: str, line: int, problem: str) -> DataProblem:
    return DataProblem("line-unreadable", path=path, line=line, column=1, problem=problem, excerpt="–")


def _text(line: bytes | None) -> str:
    """Bad bytes become surrogates, which `_checked` finds; inside quotes a line cannot be skipped."""
    if line is None:
        raise csv.Error(f"a line of more than {MAX_LINE} bytes")
    return line.decode("utf-8", errors="surrogateescape")


def _checked(cells: list[str]) -> list[str]:
    return [decoded(cell.encode("utf-8", errors="surrogateescape")) for cell in cells]


def _header(cells: list[str]) -> list[str]:
    """A name for each column; one without gets its number, as a table's index has none. Raises Bad."""
    names = [cell.strip() or f"#{number}" for number, cell in enumerate(cells, start=1)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Bad("columns-twice", name=twice)
    return names


def _row(line: int, header: list[str], cells: list[str]) -> Row | BadRow:
    try:
        if len(cells) != len(header):
            raise Bad("unreadable-columns", found=len(cells), expected=len(header))
        return Row(line, dict(zip(header, _checked(cells), strict=True)))
    except Bad as bad:
        return bad.row(line, ",".join(cells).encode("utf-8", errors="replace").decode("utf-8"))
