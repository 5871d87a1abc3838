"""What a text is made of: letters, Hangul, lines, items of a list. Judges nothing."""

from __future__ import annotations

import re

_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")
_BROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_ITEM = re.compile(r"^\s*(?:[-*•·○●]|\d{1,2}[.)])\s+\S", re.MULTILINE)


def hangul_share(text: str) -> float:
    """Of the letters; 0 where there are none."""
    letters = num_letters(text)
    return len(_HANGUL.findall(text)) / letters if letters else 0.0


def num_letters(text: str) -> int:
    return len(_LETTER.findall(text))


def broken_character(text: str) -> str | None:
    """A control character, or what stands for a character that was lost."""
    found = _BROKEN.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def num_lines(text: str) -> int:
    """Lines with something on them."""
    return sum(bool(line.strip()) for line in text.splitlines())


def num_items(text: str) -> int:
    """Lines that begin as an item of a list does."""
    return len(_ITEM.findall(text))
