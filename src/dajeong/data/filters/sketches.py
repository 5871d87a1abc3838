"""How far two sets of shingles differ at least, told of many pairs at once from 256 bits each.

The bitmap filter (Sandes, Teodoro and Melo 2020): a bit is the parity of the set's hashes in one of 256
classes; two sets differ in at least as many hashes as their bitmaps in bits. Never wrong, not always sharp.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dajeong.data.filters.keys import Hashes

Places = npt.NDArray[np.int64]
_BITS = 256


class Sketches:
    def __init__(self, count: int, least: float) -> None:
        """Of `count` sets, each in its place; `least` is the Jaccard index asked for."""
        self._bitmaps = np.zeros((count, _BITS // 64), np.uint64)
        self._sizes = np.zeros(count, np.int64)
        self._differing = (1 - least) / (1 + least)
        """Share of both sizes by which they may differ: J ≥ t where |XΔY| ≤ (|X| + |Y|)(1 − t)/(1 + t)."""

    def add(self, place: int, hashes: Hashes) -> None:
        """The set of a place: hashes, each once."""
        counts = np.bincount((hashes & np.uint64(_BITS - 1)).astype(np.int64), minlength=_BITS)
        self._bitmaps[place] = np.packbits(counts.astype(np.uint8) & 1).view(np.uint64)
        self._sizes[place] = len(hashes)

    def plausible(self, place: int, others: Places) -> Places:
        """Those of the others that may reach the index beside the set of `place`."""
        sizes, size = self._sizes[others], self._sizes[place]
        near: Places = others[np.abs(sizes - size) <= self._differing * (sizes + size) + 1e-9]
        bits = np.bitwise_count(self._bitmaps[near] ^ self._bitmaps[place]).sum(axis=1)
        found: Places = near[bits <= self._differing * (self._sizes[near] + size) + 1e-9]
        return found
