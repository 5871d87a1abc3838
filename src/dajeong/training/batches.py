"""Which examples make up which update: shuffles, token budgets, shares of processes. Only integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dajeong.errors import UsageProblem
from dajeong.models.runtime import permutation
from dajeong.models.scoring import fill

WINDOW = 32
"""Updates whose examples are sorted by length together, so that neighbours are alike and padding is small."""


def epoch_plan(
    lengths: Sequence[int], budget: int, *key: object, examples: int | None = None
) -> list[list[int]]:
    """Every example once, in updates of at most `budget` tokens (one longer example makes its own), or of so
    many `examples`.

    The order depends on lengths, budget, examples and key alone.
    """
    order = permutation(len(lengths), *key, "order")
    sizes, limit = (lengths, budget) if examples is None else ([1] * len(lengths), examples)
    mean = max(1.0, sum(sizes) / max(1, len(sizes)))
    window = max(1, math.ceil(WINDOW * limit / mean))
    updates: list[list[int]] = []
    for start in range(0, len(order), window):
        alike = sorted(order[start : start + window], key=lambda index: lengths[index])
        updates.extend(fill(alike, sizes, limit))
    return [updates[index] for index in permutation(len(updates), *key, "updates")]


def share(
    group: Sequence[int], lengths: Sequence[int], budget: int, rank: int, world: int
) -> list[list[int]]:
    """This process's micro-batches of an update; every process gets equally many, some perhaps empty."""
    per_process = math.ceil(sum(lengths[index] for index in group) / world)
    micro = list(fill(group, lengths, min(budget, per_process) if world > 1 else budget))
    micro += [[] for _ in range(-len(micro) % world)]
    return micro[rank::world]


def refuse_idle(cursor: Cursor, world: int, step: str) -> None:
    """Raises UsageProblem where an update holds fewer examples than there are processes to share them."""
    examples = cursor.num_examples / max(1, cursor.per_epoch)
    if examples < world:
        raise UsageProblem("update-too-small", step=step, examples=f"{examples:.1f}", world=world)


class Cursor:
    """Where a run over epochs stands; two integers to save."""

    def __init__(
        self, lengths: Sequence[int], budget: int, *key: object, examples: int | None = None
    ) -> None:
        self._lengths, self._budget, self._key, self._examples = lengths, budget, key, examples
        self.epoch = self.place = 0
        self._plan = self._planned()

    @property
    def per_epoch(self) -> int:
        """Updates of the present epoch."""
        return len(self._plan)

    @property
    def num_examples(self) -> int:
        return len(self._lengths)

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
        return epoch_plan(self._lengths, self._budget, *self._key, self.epoch, examples=self._examples)
