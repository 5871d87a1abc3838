"""Texts as they are compared: NFKC, lower case, letters and digits only; and hashes of their n-grams.

Stored text is never changed by this. Arrays hold code points; a whole batch of texts is one array.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]

_NOT_COMPARED = re.compile(r"[\W_]+")
_BORDER = "\x1e"
"""Between the texts of a batch; where a text has one, it is left out."""
_SLOW = np.uint32(0xFFFFFFFF)
_PLANES = 0x20000
"""Code points in the table of single characters: the first two planes."""
_FACTORS = [
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xA0761D6478BD642F)
]
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


def comparable(text: str) -> str:
    """The text as it is compared."""
    return _NOT_COMPARED.sub("", unicodedata.normalize("NFKC", text).casefold())


class Batch(NamedTuple):
    """Texts as compared, end to end, a border behind each."""

    codes: Codes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    def text(self, index: int) -> str:
        part = self.codes[self.starts[index] : self.ends[index]]
        return part.astype("<u4").tobytes().decode("utf-32-le")


def batch_of(texts: Sequence[str]) -> Batch:
    """`comparable` of every text, character by character through a table where that is the same."""
    joined = "".join((text.replace(_BORDER, "") if _BORDER in text else text) + _BORDER for text in texts)
    codes = _table()[np.minimum(_code_points(joined), _PLANES)]
    codes = codes[codes != 0]
    if (codes == _SLOW).any():
        codes = _code_points("".join(comparable(text) + _BORDER for text in texts))
    ends = np.flatnonzero(codes == ord(_BORDER))
    return Batch(codes, np.concatenate(([0], ends[:-1] + 1)).astype(np.int64), ends.astype(np.int64))


def _code_points(text: str) -> Codes:
    # a lone surrogate has a code point too; it is no letter and falls out
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)


@cache
def _table() -> Codes:
    """Code point → code point as compared; 0 is left out; _SLOW needs its neighbours or becomes several."""
    table = np.full(_PLANES + 1, _SLOW, dtype=np.uint32)
    for code in range(_PLANES):
        table[code] = _as_compared(chr(code))
    table[ord(_BORDER)] = ord(_BORDER)
    return table


def _as_compared(character: str) -> int:
    if _may_compose(character):
        return int(_SLOW)
    found = comparable(character)
    if len(found) > 1 or any(map(_may_compose, found)):
        return int(_SLOW)
    return ord(found) if found else 0


def _may_compose(character: str) -> bool:
    """Whether NFKC may join it with what stands before: marks, and the parts of Hangul syllables."""
    if character in "\ufe0e\ufe0f":  # they only choose an emoji's style
        return False
    return unicodedata.category(character)[0] == "M" or "\u1100" <= character <= "\u11ff"


class Grams(NamedTuple):
    """Hash of the n-gram that begins at each place, as far as there is one."""

    ten: Hashes
    twenty: Hashes
    forty: Hashes


def grams(codes: Codes) -> Grams:
    """Hashes of all 10-, 20- and 40-grams; the same on every machine, 64 bits, not meant to be secret."""
    five = fives(codes)
    ten = _mixed(five[:-5] * _FACTORS[3] + five[5:])
    twenty = _mixed(ten[:-10] * _FACTORS[3] + ten[10:])
    return Grams(ten, twenty, _mixed(twenty[:-20] * _FACTORS[3] + twenty[20:]))


def fives(codes: Codes) -> Hashes:
    """Hashes of all 5-grams."""
    wide = codes.astype(np.uint64)
    two = wide[:-1] * _FACTORS[0] + wide[1:]
    four = two[:-2] * _FACTORS[1] + two[2:]
    return _mixed(four[:-1] * _FACTORS[2] + wide[4:])


def _mixed(hashes: Hashes) -> Hashes:
    hashes = (hashes ^ (hashes >> _HALF)) * _MIX
    return hashes ^ (hashes >> _HALF)


def fives_by_text(batch: Batch) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hashes of every text's 5-grams end to end, none across a border, and where each text's end."""
    inside = np.ones(max(0, len(batch.codes) - 4), dtype=bool)
    for shift in range(5):
        places = batch.ends - shift
        inside[places[(places >= 0) & (places < len(inside))]] = False
    return fives(batch.codes)[inside], np.cumsum(np.maximum(0, batch.ends - batch.starts - 4))
