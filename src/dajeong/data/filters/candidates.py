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
from dajeong.data.filters.sketches import Places

NUM_HASHES = 128
MISSED = 0.0005
"""Share of pairs just at the threshold that MinHash may miss."""
SEED = 20_231
_FEW = 1000
"""Fewer numbers than this are sorted faster than they are marked in a table."""
BLOCK = 4096
"""Texts whose bands are written together."""
_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_BUCKETS = 24
"""Bits of the table that counts in how many texts a shingle occurs."""

Members = npt.NDArray[np.uint32]


class Groups(NamedTuple):
    """Texts that share a key, group after group, in each the earlier text first."""

    members: Members
    starts: Members
    """For each member, where its group begins."""


class Candidates:
    """Earlier texts that share a key with a given one and have stayed. Each is named by its place in `texts`.

    Those that did not stay are forgotten: a thousand copies of one text are compared with the first of them.
    """

    def __init__(self, groups: Iterable[Groups]) -> None:
        found = list(groups) or [groups_of(np.zeros(0, np.uint64), np.zeros(0, np.uint32))]
        sizes = np.cumsum([0, *(len(each.members) for each in found)])
        self._starts = np.concatenate(
            [each.starts + np.uint32(size) for each, size in zip(found, sizes, strict=False)]
        )
        self.texts, members = np.unique(np.concatenate([each.members for each in found]), return_inverse=True)
        """The text of each place, in order."""
        self._members = members.astype(np.uint32)
        self._slots = np.argsort(self._members, kind="stable").astype(np.uint32)
        self._borders = np.searchsorted(self._members[self._slots], np.arange(len(self.texts) + 1))
        self._stayed = np.zeros(len(self._members), np.uint32)
        """At each group's start: how many of its texts have stayed. These stand at its front by then."""
        self._marked = np.zeros(len(self.texts), dtype=bool)

    def decide(self, stays: Callable[[int, Places], bool]) -> None:
        """Asks of every text, in order, whether it stays beside those earlier ones."""
        for place in range(len(self.texts)):
            starts = self._starts[self._slots[self._borders[place] : self._borders[place + 1]]]
            counts = self._stayed[starts]
            if stays(place, self._united(starts, counts)):
                self._members[starts + counts] = place
                self._stayed[starts] += 1

    def _united(self, starts: Members, counts: Members) -> Places:
        """The first `counts` of each group, each once and in order."""
        spans = zip(starts.tolist(), counts.tolist(), strict=True)
        united = np.concatenate([self._members[start : start + count] for start, count in spans])
        if len(united) < _FEW:
            return np.unique(united).astype(np.int64)
        self._marked[united] = True
        found = np.flatnonzero(self._marked)
        self._marked[found] = False
        return found


def groups_of(keys: Hashes, texts: Members) -> Groups:
    """Texts by their keys, those alone with a key left out; `texts` come in order."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    same = np.zeros(len(keys) + 1, dtype=bool)
    same[1:-1] = keys[1:] == keys[:-1]
    shared = same[1:] | same[:-1]
    return _grouped(texts[order[shared]].astype(np.uint32), ~same[:-1][shared])


def _grouped(members: Members, is_first: npt.NDArray[np.bool_]) -> Groups:
    starts = np.flatnonzero(is_first)
    return Groups(members, np.repeat(starts, np.diff(np.append(starts, len(members)))).astype(np.uint32))


def distinct(groups: Iterable[Groups]) -> Iterator[Groups]:
    """Without groups that came before: two texts nearly alike meet in many bands. Told by sums of hashes."""
    seen = np.zeros(0, np.uint64)
    for members, starts in groups:
        is_first = starts == np.arange(len(starts))
        if not len(members):
            continue
        mixed = (members.astype(np.uint64) + np.uint64(1)) * _FACTOR
        mixed = (mixed ^ (mixed >> np.uint64(31))) * _FACTOR
        sums = np.add.reduceat(mixed ^ (mixed >> np.uint64(29)), np.flatnonzero(is_first))
        new = np.isin(sums, seen, invert=True)
        seen = np.concatenate((seen, sums[new]))
        kept = new[np.cumsum(is_first) - 1]
        yield _grouped(members[kept], is_first[kept])


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
        yield groups_of(np.concatenate(keys), np.concatenate(texts))


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
        self._file = path.open("w+b")
        self._waiting: list[Hashes] = []
        self._sizes: list[int] = []
        """Texts of every block on disk; in a block, band stands after band."""
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
        bands = (bands ^ (bands >> np.uint64(29))) * _FACTOR
        empty = np.diff(borders.astype(np.int64)) == 0
        bands[empty] = np.arange(len(self), len(self) + len(bands), dtype=np.uint64)[empty, None]
        self._waiting.append(bands)
        if sum(map(len, self._waiting)) >= BLOCK:
            self._write()

    def __len__(self) -> int:
        return sum(self._sizes) + sum(map(len, self._waiting))

    def _write(self) -> None:
        if self._waiting:
            block = np.concatenate(self._waiting)
            self._file.write(np.ascontiguousarray(block.T).tobytes())
            self._sizes.append(len(block))
            self._waiting = []

    def groups(self) -> Iterator[Groups]:
        """Of one band after another."""
        self._write()
        texts = np.arange(len(self), dtype=np.uint32)
        for band in range(self.bands if self._sizes else 0):
            yield groups_of(self._band(band), texts)

    def _band(self, band: int) -> Hashes:
        keys, done = np.empty(len(self), np.uint64), 0
        for size in self._sizes:
            self._file.seek(8 * (done * self.bands + band * size))
            keys[done : done + size] = np.frombuffer(self._file.read(8 * size), np.uint64)
            done += size
        return keys
