"""Which pieces of evaluation texts stand in a text: 20-character n-grams, whole texts of 10 to 19 characters.

13 words in a row, the usual rule, cannot match a third of KoBEST's items. 20 characters without spaces and
punctuation find 96 % of them and nothing in unrelated text. Where less than half is Hangul, 20 characters are
a mere phrase: there 40 in a row are asked for, and short texts are left alone. Holds hashes only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dajeong.data.filters.digests import digest_of
from dajeong.data.filters.duplicates import chunks
from dajeong.data.filters.keys import Batch, Codes, Hashes, batch_of, grams

LONG, SHORT, FOREIGN = 20, 10, 40
"""Characters as compared. Shorter texts are too common to mean anything."""
_PADDING = np.zeros(FOREIGN, np.uint32)
AT_ONCE = 64


class Marks(NamedTuple):
    """What is known of one evaluation set."""

    name: str
    grams: Hashes
    """Of texts of 20 characters and more: 20-grams of Hangul, 40-grams of the rest."""
    short: npt.NDArray[np.uint64]
    """(n, 3) of shorter ones: hash of the first 10 characters, length, digest."""


def marks_of(name: str, texts: Iterable[str], per_text: int | None = None) -> Marks:
    """Marks of all texts; `per_text` keeps so many grams of each, enough to know a whole copy."""
    long: list[Hashes] = [np.zeros(0, np.uint64)]
    short: set[tuple[int, int, int]] = set()
    for chunk in chunks(texts, AT_ONCE):
        batch = batch_of(chunk)
        for start, end in zip(batch.starts, batch.ends, strict=True):
            codes = batch.codes[start:end]
            if len(codes) >= LONG:
                long.append(np.sort(_telling_grams(codes))[:per_text])
            elif len(codes) >= SHORT and 2 * _is_hangul(codes).sum() >= len(codes):
                first = int(grams(np.concatenate((codes, _PADDING))).ten[0])
                short.add((first, len(codes), digest_of(codes.tobytes())))
    table = np.array(sorted(short), dtype=np.uint64).reshape(-1, 3)
    return Marks(name, np.unique(np.concatenate(long)), table)


def _is_hangul(codes: Codes) -> npt.NDArray[np.bool_]:
    return (codes >= 0xAC00) & (codes <= 0xD7A3)


def _telling_grams(codes: Codes) -> Hashes:
    sums = np.concatenate(([0], np.cumsum(_is_hangul(codes))))
    hashes = grams(np.concatenate((codes, _PADDING)))
    korean = 2 * (sums[LONG:] - sums[:-LONG]) >= LONG
    foreign = ~korean[: max(0, len(codes) - FOREIGN + 1)]
    return np.concatenate((hashes.twenty[: len(korean)][korean], hashes.forty[: len(foreign)][foreign]))


class EvaluationIndex:
    def __init__(self, sets: Sequence[Marks]) -> None:
        self._names = [each.name for each in sets]
        hashes, self._owners = _merged([each.grams for each in sets])
        self._grams = _Known(hashes)
        self._short: dict[int, list[tuple[int, int, int]]] = {}
        for owner, each in enumerate(sets):
            for first, length, digest in each.short.tolist():
                self._short.setdefault(first, []).append((length, digest, owner))
        self._firsts = _Known(np.array(sorted(self._short), dtype=np.uint64))

    def sets_in(self, texts: Sequence[str]) -> list[str | None]:
        """For each text the name of an evaluation set of which it holds a piece."""
        batch = batch_of(texts)
        found: list[str | None] = [None] * len(texts)
        if len(batch.codes) < SHORT:
            return found
        hashes = grams(np.concatenate((batch.codes, _PADDING)))
        for place, _ in self._firsts.places_in(hashes.ten[: len(batch.codes)]):
            self._note_short(batch, place, int(hashes.ten[place]), found)
        for each in (hashes.twenty, hashes.forty):  # none that holds a border is known
            for place, index in self._grams.places_in(each[: len(batch.codes)]):
                found[_text_at(batch, place)] = self._names[self._owners[index]]
        return found

    def _note_short(self, batch: Batch, place: int, first: int, found: list[str | None]) -> None:
        for length, digest, owner in self._short[first]:
            if digest_of(batch.codes[place : place + length].tobytes()) == digest:
                found[_text_at(batch, place)] = self._names[owner]


def _text_at(batch: Batch, place: int) -> int:
    return int(np.searchsorted(batch.ends, place))


def _merged(parts: Sequence[Hashes]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """All hashes sorted, and which part each is from."""
    if not parts:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = np.concatenate(parts)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], np.repeat(np.arange(len(parts)), [len(part) for part in parts])[order]


class _Known:
    """Finds sorted hashes in an array: a table of their first bits lets few others through to the search."""

    def __init__(self, hashes: Hashes) -> None:
        bits = min(24, max(10, math.ceil(math.log2(128 * len(hashes) + 1))))
        self._hashes, self._shift = hashes, np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=bool)
        self._table[hashes >> self._shift] = True

    def places_in(self, hashes: Hashes) -> Iterator[tuple[int, int]]:
        """(place in `hashes`, index of what is known) of every known one."""
        places = np.flatnonzero(self._table.take((hashes >> self._shift).view(np.int64)))
        if len(places):
            indices = np.minimum(np.searchsorted(self._hashes, hashes[places]), len(self._hashes) - 1)
            same = self._hashes[indices] == hashes[places]
            yield from zip(places[same].tolist(), indices[same].tolist(), strict=True)
