"""The list in a model's JSON reply, were it cut off at the end: what is whole of it. Knows no prompt."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from dajeong.remote.json_text import LONGEST, json_in, writable

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")


class Items(NamedTuple):
    items: list[Any]
    is_whole: bool
    """False where the list does not close: what comes after these is lost."""


def items_in(reply: str, key: str) -> Items | None:
    """The elements of the list under `key`, or of a bare list; None where there is no list at all."""
    value = json_in(reply)
    listed = value.get(key) if isinstance(value, dict) else value
    if isinstance(listed, list):
        return Items(listed, True)
    return _salvaged(reply[:LONGEST], key)


def _salvaged(text: str, key: str) -> Items | None:
    opened = re.search(rf'"{re.escape(key)}"\s*:\s*\[', text) or re.search(r"\A[^\[{]*\[", text)
    if opened is None:
        return None
    items: list[Any] = []
    place = _after_blanks(text, opened.end())
    while (end := _value_at(text, place, items)) is not None:
        place = _after_blanks(text, end)
    return Items(items, text[place : place + 1] == "]")


def _after_blanks(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place


def _value_at(text: str, place: int, items: list[Any]) -> int | None:
    """Where the value that begins here ends, added to the items; None where none begins, or it never ends."""
    try:
        value, end = _DECODER.raw_decode(text, place)
        value = writable(value)
    except (ValueError, RecursionError):
        return None
    items.append(value)
    return end
