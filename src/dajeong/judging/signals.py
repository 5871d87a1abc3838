"""What a set of replies gives away without a judge: loops, sameness, length. Pure; knows no prompt.

Each is cheap enough to be read at every rollout; none says that replies are good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PIECE = 5
"""Characters: about two words of Korean; what comes again in ordinary talk is shorter."""


class Signals(NamedTuple):
    repetition: float
    """Mean share of a reply's pieces of 5 characters that it had said before; 0 where each is new."""
    distinct: float
    """Different pairs of neighbouring words, as a share of all (Li et al. 2016, distinct-2)."""
    length: float
    """Mean number of characters."""


def signals_of(texts: Sequence[str]) -> Signals:
    """Raises ValueError where there is no text to look at."""
    if not texts:
        raise ValueError("signals of no replies: expected at least one")
    repeated = sum(map(repetition, texts)) / len(texts)
    return Signals(repeated, distinct(texts), sum(map(len, texts)) / len(texts))


def repetition(text: str) -> float:
    pieces = [text[start : start + PIECE] for start in range(len(text) - PIECE + 1)]
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0


def distinct(texts: Sequence[str]) -> float:
    """Beginning and end count as words, so that replies of one word count too."""
    pairs = [pair for text in texts for pair in _pairs(text)]
    return len(set(pairs)) / len(pairs)


def _pairs(text: str) -> list[tuple[str, str]]:
    words = ["", *text.split(), ""]
    return list(zip(words, words[1:], strict=False))
