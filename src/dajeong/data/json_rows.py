"""JSON objects as rows, one a line. Knows the grammar, not what the keys mean.

Stricter than `json`: finite numbers, no key twice, no lone surrogate, no NUL, no endless nesting.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from dajeong.data.rows import Bad

MAX_DIGITS, MAX_DEPTH = 300, 100


def parsed(text: str) -> dict[str, Any]:
    """One JSON object, whole. Raises Bad."""
    try:
        value = STRICT.decode(text)
    except json.JSONDecodeError as problem:
        raise json_fault(text, problem) from problem
    except RecursionError as problem:
        raise Bad("unreadable-deep") from problem
    return checked(value, text)


def json_fault(text: str, problem: json.JSONDecodeError) -> Bad:
    """Tells a text that stops too early from one that is wrong in itself."""
    ends_early = problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string")
    code = "unreadable-cut" if ends_early else "unreadable-json"
    return Bad(code, problem.colno, problem=problem.msg)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Bad("unreadable-twice", key=next(key for key in keys if keys.count(key) > 1))
    return found


def _no_number(written: str) -> NoReturn:
    raise Bad("unreadable-number", value=written if len(written) <= 40 else f"{written[:40]}…")


def _whole(written: str) -> int:
    return int(written) if len(written) <= MAX_DIGITS else _no_number(written)


def _finite(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else _no_number(written)


STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_number, parse_int=_whole, parse_float=_finite
)
LOOSE = json.JSONDecoder(strict=False, parse_int=float)
"""Steps over what is refused, bare control characters too; what it gives is not to be used."""

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked(value: Any, text: str) -> dict[str, Any]:
    """The object that `text` spelled, if nothing in it would do harm later. Raises Bad."""
    if not isinstance(value, dict):
        raise Bad("unreadable-object", found=type(value).__name__)
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep([value]):
        raise Bad("unreadable-deep")
    if "\\u" in text:
        _check_escapes(value)
    return value


def _is_deep(level: list[Any]) -> bool:
    """Whether lists and objects lie more than MAX_DEPTH deep: whoever writes them again goes by recursion."""
    for _ in range(MAX_DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [one for each in inner for one in each if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _check_escapes(value: dict[str, Any]) -> None:
    """An escape can spell what bytes cannot: half a character, or NUL."""
    try:
        whole = json.dumps(value, ensure_ascii=False)
        whole.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise Bad("unreadable-surrogate", escape=f"\\u{ord(whole[problem.start]):04x}") from problem
    if _NUL.search(whole):
        raise Bad("unreadable-nul")
