"""Which examples make up which update: shuffles, token budgets, shares of processes. Only integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dajeong.models.runtime import permutation
from dajeong.models.scoring import fill

WINDOW = 32
"""Updates whose examples are sorted by length together, so that neighbours are alike and padding is small."""


def epoch_plan(lengths: Sequence[int], budget: int, *key: object) -> list[list[int]]:
    """Every example once, in updates of at most `budget` tokens (one longer example makes its own).

    The order depends on lengths, budget and key alone.
    """
    order = permutation(len(lengths), *key, "order")
    mean = max(1.0, sum(lengths) / max(1, len(lengths)))
    window = max(1, math.ceil(WINDOW * budget / mean))
    updates: list[list[int]] = []
    for start in range(0, len(order), window):
        alike = sorted(order[start : start + window], key=lambda index: lengths[index])
        updates.extend(fill(alike, lengths, budget))
    return [updates[index] for index in permutation(len(updates), *key, "updates")]


def share(
    group: Sequence[int], lengths: Sequence[int], budget: int, rank: int, world: int
) -> list[list[int]]:
    """This process's micro-batches of an update; every process gets equally many, some perhaps empty."""
    per_process = math.ceil(sum(lengths[index] for index in group) / world)
    micro = list(fill(group, lengths, min(budget, per_process) if world > 1 else budget))
    micro += [[] for _ in range(-len(micro) % world)]
    return micro[rank::world]


class Cursor:
    """Where a run over epochs stands; two integers to save."""

    def __init__(self, lengths: Sequence[int], budget: int, *key: object) -> None:
        self._lengths, self._budget, self._key = lengths, budget, key
        self.epoch = self.place = 0
        self._plan = self._planned()

    @property
    def per_epoch(self) -> int:
        """Updates of the present epoch."""
        return len(self._plan)

    def group(self) -> list[int]:
        """The examples of the present update."""
        return self._plan[self.place]

    def advance(self) -> None:
        self.place += 1
        if self.place == len(self._plan):
            self.move(self.epoch + 1, 0)

    def move(self, epoch: int, place: int) -> None:
        self.epoch, self.place = epoch, place
        self._plan = self._planned()

    def _planned(self) -> list[list[int]]:
        return epoch_plan(self._lengths, self._budget, *self._key, self.epoch)
