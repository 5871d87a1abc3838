"""The 5-character shingles of many texts, on disk; and how much two texts share. Knows no record.

A shingle is its 64-bit hash: among 10⁹ different ones the chance that any two fall together is 3 %, and a
pair's Jaccard index would then be off by one shingle.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType

import numpy as np

from dajeong.data.filters.keys import Batch, Codes, Hashes, batch_of, fives

SIZE = 5
AT_ONCE = 64
"""Texts worked on together: their arrays fit into a core's cache."""


class Shingles:
    """Filled with texts one after another, then asked about any two of them by their index."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("w+b")
        self._ends = array("Q", [0])
        self.of = lru_cache(maxsize=4096)(self._of)

    def __enter__(self) -> Shingles:
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def num_letters(self) -> int:
        return self._ends[-1]

    def add(self, texts: Sequence[str]) -> Batch:
        batch = batch_of(texts)
        start = self._ends[-1]
        self._ends.extend(int(end) + start + 1 for end in batch.ends)
        self._file.write(batch.codes.tobytes())
        return batch

    def _of(self, index: int) -> Hashes:
        """Sorted, each once; none for a text of fewer than 5 characters."""
        start, end = self._ends[index], self._ends[index + 1] - 1
        self._file.seek(4 * start)  # not mapped: what is read of a mapped file counts as memory
        codes: Codes = np.frombuffer(self._file.read(4 * (end - start)), np.uint32)
        return _sorted_once(fives(codes)) if len(codes) >= SIZE else np.zeros(0, np.uint64)

    def each(self) -> Iterator[Hashes]:
        for index in range(len(self)):
            yield self._of(index)

    def jaccard(self, one: int, other: int) -> float:
        """Shared shingles over all shingles; 0 where one has none."""
        first, second = self.of(one), self.of(other)
        if not len(first) or not len(second):
            return 0.0
        both = np.concatenate((first, second))
        both.sort()
        shared = int((both[1:] == both[:-1]).sum())
        return shared / (len(both) - shared)


def _sorted_once(hashes: Hashes) -> Hashes:
    """As np.unique, without its hash table, which is slower on so few."""
    hashes.sort()
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = hashes[1:] != hashes[:-1]
    return hashes[new]
