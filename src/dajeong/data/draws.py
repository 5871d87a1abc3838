"""Draws by key: an order, a choice, a division, each a pure function of a seed and of what is drawn.

No generator has a state here, so neither the order in which things come nor how many there are moves a draw.
Knows hashes and numbers, no record and no file.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

H = TypeVar("H", bound=Hashable)
T = TypeVar("T")

Key = Callable[[bytes], bytes]
"""What is drawn, as bytes → its place in the draw."""


def drawing(seed: int, purpose: str) -> Key:
    """One draw of its own for each seed and purpose."""
    salt = hashlib.blake2b(f"{seed}\x1f{purpose}".encode(), digest_size=32).digest()
    return lambda drawn: hashlib.blake2b(drawn, key=salt, digest_size=16).digest()


def drawn(things: Iterable[T], place: Callable[[T], bytes], most: int | None) -> Iterator[T]:
    """At most `most`, those with the first places, in their old order; memory for `most` of them."""
    if most is None:
        yield from things
        return
    placed = ((place(thing), number, thing) for number, thing in enumerate(things))
    first = heapq.nsmallest(most, placed, key=lambda each: each[:2])
    for _, _, thing in sorted(first, key=lambda each: each[1]):
        yield thing


def first_of_each(things: Sequence[T], label: Callable[[T], Hashable | None], most: int) -> list[T]:
    """At most `most` of each label, the earliest; what has no label stays."""
    counts: dict[Hashable, int] = {}
    kept: list[T] = []
    for thing in things:
        found = label(thing)
        counts[found] = counts.get(found, 0) + 1
        if found is None or counts[found] <= most:
            kept.append(thing)
    return kept


def allotted(shares: Sequence[float], available: Sequence[int], total: int | None) -> list[int]:
    """How many of each, in the ratio of `shares`; without `total` as many as keep the ratio.

    Where one has fewer than its share of `total` it gives all, and the others fill up in their own ratio.
    """
    if total is None:
        whole = sum(shares)
        ratios = (have * whole / share for have, share in zip(available, shares, strict=True))
        total = math.floor(min(ratios) + 1e-9)
    counts, open_ones, left = [0] * len(shares), list(range(len(shares))), min(total, sum(available))
    while open_ones:
        wanted = _in_ratio([shares[one] for one in open_ones], left)
        short = [one for one, want in zip(open_ones, wanted, strict=True) if want >= available[one]]
        for one, want in zip(open_ones, wanted, strict=True):
            counts[one] = min(want, available[one])
        if not short:
            break
        left -= sum(available[one] for one in short)
        open_ones = [one for one in open_ones if one not in short]
    return counts


def _in_ratio(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers that add up to `total`; the largest remainders are rounded up, first ones first."""
    exact = [total * share / sum(shares) for share in shares]
    counts = [math.floor(number) for number in exact]
    by_remainder = sorted(range(len(shares)), key=lambda one: counts[one] - exact[one])
    for one in by_remainder[: total - sum(counts)]:
        counts[one] += 1
    return counts


def divided(sizes: Mapping[H, int], rooms: Sequence[int], order: Iterable[H]) -> dict[H, int]:
    """Group → the first room that it still fits into as a whole, groups in the order given."""
    left, places = list(rooms), {}
    for group in order:
        place = next((room for room, free in enumerate(left) if 0 < sizes[group] <= free), None)
        if place is not None:
            places[group] = place
            left[place] -= sizes[group]
    return places
