"""Which texts might be alike: pairs that share a key. Proposes, never decides. Knows no record.

Two ways to choose keys. `prefix_keys` misses no pair of Jaccard index ≥ t (Chaudhuri, Ganti and Kaushik 2006,
prefix filtering; rare shingles first). `Bands` (MinHash, Broder 1997) is made for many texts: of pairs just
at the threshold it misses fewer than 1 in 2,000, of those above it far fewer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dajeong.data.filters.keys import Hashes
from dajeong.data.filters.shingles import Shingles

NUM_HASHES = 128
MISSED = 0.0005
"""Share of pairs just at the threshold that MinHash may miss."""
SEED = 20_231
_BUCKETS = 24
"""Bits of the table that counts in how many texts a shingle occurs."""

Members = npt.NDArray[np.uint32]


class Groups(NamedTuple):
    """Texts that share a key, group after group, in each the earlier text first."""

    members: Members
    starts: Members
    """For each member, where its group begins."""


class Candidates:
    """Earlier texts that share a key with a given one and have stayed.

    Those that did not stay are forgotten: a thousand copies of one text are compared with the first of them.
    """

    def __init__(self, groups: Iterable[Groups]) -> None:
        found = list(groups) or [_groups(np.zeros(0, np.uint64), np.zeros(0, np.uint32))]
        sizes = np.cumsum([0, *(len(each.members) for each in found)])
        self._members = np.concatenate([each.members for each in found])
        self._starts = np.concatenate(
            [each.starts + np.uint32(size) for each, size in zip(found, sizes, strict=False)]
        )
        self._places = np.argsort(self._members, kind="stable").astype(np.uint32)
        self._texts, firsts = np.unique(self._members[self._places], return_index=True)
        self._borders = np.append(firsts, len(self._places))
        self._stayed = np.zeros(len(self._members), np.uint32)
        """At each group's start: how many of its texts have stayed. These stand at its front by then."""

    def decide(self, stays: Callable[[int, Members], bool]) -> None:
        """Asks of every text, in order, whether it stays beside those earlier ones."""
        for index, text in enumerate(self._texts.tolist()):
            starts = self._starts[self._places[self._borders[index] : self._borders[index + 1]]]
            counts = self._stayed[starts]
            parts = [
                self._members[start : start + count] for start, count in zip(starts, counts, strict=True)
            ]
            if stays(text, np.unique(np.concatenate(parts))):
                self._members[starts + counts] = text
                self._stayed[starts] += 1


def _groups(keys: Hashes, texts: Members) -> Groups:
    order = np.lexsort((texts, keys))
    keys, texts = keys[order], texts[order]
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(keys)))
    shared = np.repeat(sizes > 1, sizes)
    sizes = sizes[sizes > 1]
    begins = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Groups(texts[shared].astype(np.uint32), begins.astype(np.uint32))


def prefix_keys(shingles: Shingles, least: float) -> Iterator[Groups]:
    """Groups of texts that share one of their rarest shingles: every pair of Jaccard index ≥ `least`."""
    counts = np.zeros(1 << _BUCKETS, dtype=np.uint32)
    for hashes in shingles.each():
        counts[_bucket(hashes)] += 1  # twice in one text counts once: never fewer texts than have it
    keys: list[Hashes] = []
    texts: list[Members] = []
    for index, hashes in enumerate(shingles.each()):
        chosen = _prefix(hashes, counts[_bucket(hashes)], least)
        keys.append(chosen)
        texts.append(np.full(len(chosen), index, np.uint32))
    if keys:
        yield _groups(np.concatenate(keys), np.concatenate(texts))


def _bucket(hashes: Hashes) -> npt.NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _BUCKETS)).astype(np.int64)


def _prefix(hashes: Hashes, counts: npt.NDArray[np.uint32], least: float) -> Hashes:
    """The rarest shingles: of so many a pair of index ≥ `least` must share one. Those nobody shares go."""
    if not len(hashes):
        return hashes
    size = len(hashes) - math.ceil(least * len(hashes) - 1e-9) + 1
    order = np.lexsort((hashes, counts))[:size]
    return hashes[order[counts[order] > 1]]


def rows_of_a_band(least: float) -> int:
    """Most hashes a band may join so that pairs of index `least` still meet in one of the bands."""
    fitting = [rows for rows in range(1, 33) if (1 - least**rows) ** (NUM_HASHES // rows) <= MISSED]
    return max(fitting, default=1)


class Bands:
    """MinHash bands of many texts, on disk: some 25 keys a text, a band of all texts in memory at a time."""

    def __init__(self, path: Path, least: float) -> None:
        self._path = path
        self._file = path.open("wb")
        self._count = 0
        self.rows = rows_of_a_band(least)
        self.bands = NUM_HASHES // self.rows
        odd = np.arange(self.rows, dtype=np.uint64) * np.uint64(2) + np.uint64(15)
        self._factors = odd * np.uint64(0x9E3779B97F4A7C15)

    def __enter__(self) -> Bands:
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, hashes: Hashes, ends: npt.NDArray[np.int64]) -> None:
        """Shingle hashes of several texts end to end; `ends` says where each ends."""
        from rensa import RMinHash

        borders = np.concatenate(([0], ends)).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            hashes, borders, num_perm=self.bands * self.rows, seed=SEED
        )
        rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(-1, self.bands, self.rows)
        bands = rows @ self._factors
        bands = (bands ^ (bands >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
        empty = np.diff(borders.astype(np.int64)) == 0
        bands[empty] = np.arange(self._count, self._count + len(bands), dtype=np.uint64)[empty, None]
        self._file.write(bands.tobytes())
        self._count += len(bands)

    def groups(self) -> Iterator[Groups]:
        """Of one band after another."""
        self._file.flush()
        if self._count:
            table = np.memmap(self._path, np.uint64, "r").reshape(self._count, self.bands)
            texts = np.arange(self._count, dtype=np.uint32)
            for band in range(self.bands):
                yield _groups(np.ascontiguousarray(table[:, band]), texts)
