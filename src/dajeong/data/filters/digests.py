"""A set of 64-bit digests in one flat table: about 20 bytes an entry, a fifth of a Python set's."""

from __future__ import annotations

import hashlib
from array import array

_FULLEST = 0.6


class Digests:
    """Open addressing with linear probing; 0 marks an empty slot."""

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * 1024
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: int) -> bool:
        return self._slots[self._place(digest)] != 0

    def add(self, digest: int) -> bool:
        """Whether it is new."""
        place = self._place(digest)
        if self._slots[place]:
            return False
        self._slots[place] = digest
        self._count += 1
        if self._count > _FULLEST * len(self._slots):
            self._grow()
        return True

    def _place(self, digest: int) -> int:
        slots, mask = self._slots, len(self._slots) - 1
        place = digest & mask
        while slots[place] and slots[place] != digest:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        old, self._slots = self._slots, array("Q", [0]) * (2 * len(self._slots))
        for digest in old:
            if digest:
                self._slots[self._place(digest)] = digest


def digest_of(content: bytes) -> int:
    """Never 0."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") or 1
