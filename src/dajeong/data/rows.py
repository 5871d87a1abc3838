"""A row of a file, or why there is none; and lines of bounded length. Knows no format and no schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from dajeong import messages
from dajeong.data.encodings import reads_as_cp949

MAX_LINE = 10_000_000
"""Bytes of one line, or characters of one element of a JSON list."""


class Row(NamedTuple):
    line: int
    """1 for the first."""
    value: dict[str, Any]


class BadRow(NamedTuple):
    line: int
    column: int
    code: str
    """A code of `messages`."""
    parameters: dict[str, object]
    excerpt: str

    @property
    def why(self) -> str:
        return messages.text(self.code, **self.parameters)


class Left(NamedTuple):
    """A part of a row that its source leaves out by a rule of its own: counted and kept among the rejects."""

    rule: str
    text: str
    """What is left out, to be recognised by."""
    chosen: bool = False
    """Whether the user's own settings want it out; such parts do not count against `max_dropped`."""


class Bad(Exception):
    """Why one row cannot be used; caught where its line is known."""

    def __init__(self, code: str, column: int = 1, **parameters: object) -> None:
        super().__init__(code)
        self.code, self.column, self.parameters = code, column, parameters

    def row(self, line: int, text: str) -> BadRow:
        start = max(0, self.column - 31)
        return BadRow(line, self.column, self.code, self.parameters, repr(text[start : start + 60]))


def bounded_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and bytes of each line, split at b"\\n" only; None for one above MAX_LINE."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) <= MAX_LINE:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)
        yield number, None


def decoded(line: bytes | None) -> str:
    if line is None:
        raise Bad("unreadable-long", limit=MAX_LINE)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as problem:
        guess = " (CP949?)" if reads_as_cp949(line) else ""
        raise Bad("unreadable-bytes", offset=problem.start, guess=guess) from problem
    if "\x00" in text:
        raise Bad("unreadable-nul", text.index("\x00") + 1)
    return text
