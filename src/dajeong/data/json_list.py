"""The elements of one JSON list as rows, a megabyte in memory at a time.

A refused element costs itself. A break in the list's structure would lose all behind it, so it is an error.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from dajeong import messages
from dajeong.data.json_rows import LOOSE, STRICT, checked, json_fault
from dajeong.data.rows import MAX_LINE, Bad, BadRow, Row
from dajeong.errors import DataProblem

_CHUNK = 1 << 20
_SPACE = re.compile(r"\s*")


def list_rows(path: str, file: BinaryIO) -> Iterator[Row | BadRow]:
    """Elements of a JSON list, a megabyte at a time."""
    window = _Window(path, file)
    window.take("[")
    more = not window.sees("]")
    while more:
        yield window.element()
        more = window.sees(",")
        if more:
            window.take(",")
    window.take("]")
    if window.sees_anything():
        raise window.broken("unreadable-json", problem="text after the list")


class _Window:
    """The stretch of a JSON list that is being read, and where it lies in the file."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text, self.start, self.line, self.column = "", 0, 1, 1
        self.ended = False

    def element(self) -> Row | BadRow:
        self.sees_anything()
        while True:
            line, column = self.line, self.column
            try:
                return Row(line, self._object())
            except Bad as bad:
                return BadRow(
                    line,
                    column,
                    bad.code,
                    bad.parameters,
                    repr(self.text[max(0, self.start - 60) : self.start]),
                )
            except json.JSONDecodeError as problem:
                if self.ended:
                    self._advance(problem.pos)
                    raise self._explained(problem) from problem
                if len(self.text) - self.start > MAX_LINE:
                    raise self.broken("unreadable-long", limit=MAX_LINE) from problem
                self._read()
            except RecursionError as problem:
                raise self.broken("unreadable-deep") from problem

    def _object(self) -> dict[str, Any]:
        """The next element, stepped over even where it is refused."""
        start, bad = self.start, None
        try:
            value, end = STRICT.raw_decode(self.text, start)
        except Bad as problem:
            (value, end), bad = LOOSE.raw_decode(self.text, start), problem
        except json.JSONDecodeError as problem:
            (value, end), bad = LOOSE.raw_decode(self.text, start), json_fault(self.text, problem)
        if end == len(self.text) and not self.ended:
            raise json.JSONDecodeError("cut by the window", self.text, end)
        element = self.text[start:end]
        self._advance(end)
        if bad:
            raise bad
        return checked(value, element)

    def sees(self, wanted: str) -> bool:
        return self.sees_anything() and self.text[self.start] == wanted

    def sees_anything(self) -> bool:
        """Whether more than white space is left; steps over the white space."""
        while True:
            rest = _SPACE.match(self.text, self.start)
            self._advance(rest.end() if rest else self.start)
            if self.start < len(self.text) or self.ended:
                return self.start < len(self.text)
            self._read()

    def take(self, wanted: str) -> None:
        if not self.sees(wanted):
            code = "unreadable-json" if self.start < len(self.text) else "unreadable-cut"
            raise self.broken(code, problem=f"expected {wanted!r}")
        self._advance(self.start + 1)

    def broken(self, code: str, **parameters: object) -> DataProblem:
        excerpt = self.text[max(0, self.start - 30) : self.start + 30]
        return DataProblem(
            "line-unreadable",
            path=self.path,
            line=self.line,
            column=self.column,
            problem=messages.text(code, **parameters),
            excerpt=repr(excerpt),
        )

    def _explained(self, problem: json.JSONDecodeError) -> DataProblem:
        fault = json_fault(self.text, problem)
        return self.broken(fault.code, **fault.parameters)

    def _advance(self, to: int) -> None:
        passed = self.text[self.start : to]
        self.line += passed.count("\n")
        self.column = len(passed) - passed.rfind("\n") if "\n" in passed else self.column + len(passed)
        self.start = to

    def _read(self) -> None:
        content = self.file.read(_CHUNK)
        self.ended = not content
        try:
            more = self.decoder.decode(content, final=self.ended)
        except UnicodeDecodeError as problem:
            offset = self.file.tell() - len(content) + problem.start
            raise self.broken("unreadable-bytes", offset=offset, guess="") from problem
        self.text, self.start = self.text[self.start :] + more, 0
