"""JSON out of a reply: bare, in a fence, or with words around it; nothing is guessed that is not there."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)
LONGEST = 1_000_000


def json_in(text: str) -> dict[str, Any] | list[Any] | None:
    """The one object or list of a reply; None where there is none, several, or only part of one."""
    text = text.strip().removeprefix("\ufeff")
    if len(text) > LONGEST:
        return None
    fenced = FENCE.findall(text)
    if fenced:
        return _whole(fenced[0]) if len(fenced) == 1 else None
    return _whole(text) if text[:1] in ("{", "[") else _inside(text)


def writable(value: Any) -> Any:
    """The value with U+FFFD for halves of characters, which JSON can spell and no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [writable(each) for each in value]
    return (
        {writable(key): writable(each) for key, each in value.items()} if isinstance(value, dict) else value
    )


def _whole(text: str) -> dict[str, Any] | list[Any] | None:
    """Nothing but words may follow it."""
    try:
        value, end = _DECODER.raw_decode(text.strip())
        value = writable(value)
    except (ValueError, RecursionError):
        return None
    if any(mark in text.strip()[end:] for mark in "{}[]"):
        return None
    return value if isinstance(value, dict | list) else None


def _inside(text: str) -> dict[str, Any] | list[Any] | None:
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    return _whole(text[min(starts) :]) if starts else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key twice is two answers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_once)
