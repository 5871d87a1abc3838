"""What must not be translated: taken out of a text, a mark in its place, and put back. Knows no engine.

A translation is taken only if every mark came back exactly once and in order; `fault` says what is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dajeong.synthesis.mask_code import code_spans
from dajeong.synthesis.mask_patterns import BEFORE_CODE, BEHIND_CODE, Finder

_MARK = re.compile(r"⟦\s*(\d{1,6})\s*⟧")
_BRACKET = re.compile(r"[⟦⟧]")


def mark(number: int) -> str:
    """Brackets that hardly any text holds; a text that does has them masked first."""
    return f"⟦{number}⟧"


class Masked(NamedTuple):
    text: str
    """With marks, numbered from 0 as they stand."""
    spans: tuple[str, ...]
    """What stood where mark 0, 1, … stands."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to translate: marks, digits and punctuation only."""
        return not any(character.isalpha() for character in without_marks(self.text))


class Piece(NamedTuple):
    text: str
    is_kept: bool
    """Whether it must stay as it is."""


def masked(text: str) -> Masked:
    """The text with a mark for everything that must stay as it is; neighbours share one."""
    spans: list[str] = []
    written: list[str] = []
    for piece in _joined(_pieces(text)):
        if piece.is_kept:
            written.append(mark(len(spans)))
            spans.append(piece.text)
        else:
            written.append(piece.text)
    return Masked("".join(written), tuple(spans))


def fault(translated: str, num_spans: int) -> str | None:
    """What is wrong with the marks of a translation; None if all came back once and in order."""
    found = [int(number) for number in _MARK.findall(translated)]
    counts = Counter(found)
    problems = {
        "lost": [number for number in range(num_spans) if number not in counts],
        "doubled": [number for number, count in counts.items() if count > 1],
        "invented": [number for number in counts if number >= num_spans],
    }
    told = [f"{name} {' '.join(map(str, numbers))}" for name, numbers in problems.items() if numbers]
    if not told and found != sorted(found):
        told.append(f"order {' '.join(map(str, found))}")
    if not told and _BRACKET.search(_MARK.sub("", translated)):
        told.append("broken mark")
    return ", ".join(told) or None


def restored(translated: str, spans: Sequence[str]) -> str:
    """The translation with what stood there instead of its marks, which must be without `fault`."""
    return _MARK.sub(lambda found: spans[int(found[1])], translated)


def holds_in_order(text: str, spans: Sequence[str]) -> bool:
    """Whether every span stands in the text, one behind another."""
    place = 0
    for span in spans:
        place = text.find(span, place)
        if place < 0:
            return False
        place += len(span)
    return True


def without_marks(text: str) -> str:
    """What is left to read beside the marks."""
    return _MARK.sub(" ", text)


def segments(text: str) -> list[str]:
    """The text cut at marks and line ends, which become parts of their own; together it is the text."""
    return [part for part in re.split(r"(⟦\s*\d{1,6}\s*⟧|\n+)", text) if part]


def is_segment_kept(segment: str) -> bool:
    """Whether a segment goes over as it is: a mark, line ends, or nothing with a letter."""
    return not any(character.isalpha() for character in without_marks(segment))


def _pieces(text: str) -> list[Piece]:
    found = [Piece(text, False)]
    for finder in (*BEFORE_CODE, code_spans, *BEHIND_CODE):
        found = [part for piece in found for part in ([piece] if piece.is_kept else _cut(piece.text, finder))]
    return found


def _cut(text: str, finder: Finder) -> list[Piece]:
    parts: list[Piece] = []
    place = 0
    for start, end in finder(text):
        parts += [Piece(text[place:start], False), Piece(text[start:end], True)]
        place = end
    return [part for part in (*parts, Piece(text[place:], False)) if part.text]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Kept pieces with only white space between them are one: fewer marks, fewer to lose."""
    found: list[Piece] = []
    for piece in pieces:
        if piece.is_kept and found and found[-1].is_kept:
            found[-1] = Piece(found[-1].text + piece.text, True)
        elif piece.is_kept and len(found) > 1 and found[-2].is_kept and not found[-1].text.strip():
            gap = found.pop().text
            found[-1] = Piece(found[-1].text + gap + piece.text, True)
        else:
            found.append(piece)
    return found
