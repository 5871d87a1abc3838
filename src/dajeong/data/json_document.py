"""A file that is one JSON object over many lines, as one row. Knows the grammar, not what the keys mean."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from dajeong.data.json_rows import STRICT, checked, json_fault
from dajeong.data.rows import MAX_LINE, Bad, BadRow, Row, decoded

MAX_DOCUMENT = 200_000_000
"""Bytes of such a file."""


def is_document(file: BinaryIO) -> bool:
    """Whether the object a file begins with goes on behind its first line; else it holds a row a line."""
    line = file.readline(MAX_LINE + 1)
    while line and not line.strip():
        line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        return True
    try:
        STRICT.decode(line.decode("utf-8").strip())
    except json.JSONDecodeError as problem:
        return json_fault(problem.doc, problem).code == "unreadable-cut" and line.endswith(b"\n")
    except (Bad, ValueError, RecursionError):
        pass
    return False


def document_row(file: BinaryIO) -> Row | BadRow:
    """The whole file; a fault costs it all, with the place where it lies."""
    line, text = 1, ""
    try:
        content = file.read(MAX_DOCUMENT + 1)
        if len(content) > MAX_DOCUMENT:
            raise Bad("unreadable-long", limit=MAX_DOCUMENT)
        text = decoded(content)
        return Row(line, _object(text))
    except json.JSONDecodeError as problem:
        line = problem.lineno
        bad, text = json_fault(text, problem), text.split("\n")[line - 1]
    except RecursionError:
        bad = Bad("unreadable-deep")
    except Bad as problem:
        bad = problem
    return bad.row(line, text)


def _object(text: str) -> dict[str, Any]:
    return checked(STRICT.decode(text.strip()), text)
