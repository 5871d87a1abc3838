"""A translator without a model: words become syllables, marks fare as the test wishes. All invented."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

_SOURCE = re.compile(r"<source>\n(.*)\n</source>(.*)", re.DOTALL)
_MARK = re.compile(r"⟦\d+⟧")
_WORD = re.compile(r"⟦\d+⟧|[^\W\d_]+")


def lot(text: str, sides: int) -> int:
    """The same number for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:4], "big") % sides


def korean(text: str) -> str:
    """Half as long, in syllables, every sentence in 해요체; digits, line ends and marks as they are."""
    said = _WORD.sub(lambda found: found[0] if found[0][0] == "⟦" else _syllables(found[0]), text)
    return re.sub(r"(?<=[가-힣])([.!?])(?=\s|$)", r"요\1", said)


def _syllables(word: str) -> str:
    return "".join(chr(0xAC00 + 28 * lot(f"{word}{place}", 399)) for place in range(max(1, len(word) // 2)))


def keeping(text: str) -> str:
    return korean(text)


def dropping(text: str) -> str:
    return _MARK.sub("", korean(text), count=1)


def doubling(text: str) -> str:
    return _MARK.sub(lambda found: found[0] * 2, korean(text), count=1)


def reordering(text: str) -> str:
    said = korean(text)
    marks = _MARK.findall(said)[::-1]
    return _MARK.sub(lambda found: marks.pop(0), said)


def inventing(text: str) -> str:
    return korean(text) + " ⟦99⟧"


WAYS: tuple[Callable[[str], str], ...] = (keeping, dropping, doubling, reordering, inventing)


def model(
    ways: Sequence[Callable[[str], str]] = (keeping,), stubborn: int = 1
) -> Callable[[list[dict[str, str]]], str]:
    """What the scripted server's model answers: a way by lot for each text; told of a fault, one in
    `stubborn` does the same again.
    """

    def reply(messages: list[dict[str, str]]) -> str:
        found = _SOURCE.search(messages[-1]["content"])
        assert found, messages
        text, again = found.groups()
        way = ways[lot(text, len(ways))]
        if again and lot(text + "again", stubborn):
            way = keeping
        return way(text)

    return reply
