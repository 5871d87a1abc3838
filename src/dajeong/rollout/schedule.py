"""Rows in flight over one model, and those that wait for a slot: one reading or one token at a time.

Between two steps any row may come or go. Knows neither who asked nor what the tokens mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from dajeong.models.roles import RoleModel
from dajeong.rollout.cache import SlotCache
from dajeong.rollout.engine import OnToken
from dajeong.rollout.neox import NeoxStep
from dajeong.rollout.reading import batches, read_prompts
from dajeong.rollout.slots import Row, Slots

Fuse = Callable[[Sequence[Row]], NeoxStep | None]
"""Running rows → a faster step for them, where there is one."""


class Schedule:
    """`eager` reads a prompt as soon as a slot is free, and draws a token for the others in between; without
    it, reading waits until it pays, which is best where all requests are known from the start.
    """

    def __init__(
        self,
        model: RoleModel,
        num_slots: int,
        columns: int,
        prefill_tokens: int,
        fuse: Fuse,
        *,
        eager: bool = False,
        first_slots: int | None = None,
    ) -> None:
        """`columns` and `first_slots`: what the cache has room for at first."""
        self.model = model
        self.num_slots = num_slots
        self.prefill_tokens = prefill_tokens
        self.eager = eager
        self.fuse = fuse
        self.waiting: deque[Row] = deque()
        self.slots = Slots(num_slots, model.device)
        self.cache = SlotCache(min(num_slots, first_slots or num_slots), columns)
        self._just_read = False

    def __bool__(self) -> bool:
        return bool(self.waiting or self.slots)

    def add(self, rows: Iterable[Row]) -> None:
        self.waiting.extend(rows)

    def cancel(self, index: int) -> None:
        """The row is gone before the next token is drawn."""
        for row in self.slots.rows:
            if row.index == index and row.stop_reason is None:
                row.stop_reason = "cancelled"
                return
        self.waiting = deque(row for row in self.waiting if row.index != index)

    def arrange(self) -> None:
        """Cancelled rows leave, their places are filled."""
        _, sources, targets = self.slots.evict()
        if sources:
            self.cache.move(sources, targets, 1 + max(row.position for row in self.slots.rows))

    def step(self, on_token: OnToken | None = None) -> list[Row]:
        """Read waiting prompts, or one token more for every row; the rows that drew, the ended included."""
        self.arrange()
        if self._reads():
            drew = self._read(on_token)
        elif self.slots:
            self._just_read = False
            drew = list(self.slots.rows)
            self.slots.take(self._step(), 0, on_token)
        else:
            return []
        self.arrange()
        return drew

    def _reads(self) -> bool:
        free = self.num_slots - len(self.slots)
        if not (self.waiting and free):
            return False
        if self.eager:
            return not (self._just_read and self.slots)
        # a prompt read alone costs a whole forward, so wait until a quarter of the slots is free
        return free >= min(len(self.waiting), max(1, self.num_slots // 4))

    def _read(self, on_token: OnToken | None) -> list[Row]:
        self._just_read = True
        free = self.num_slots - len(self.slots)
        rows = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        now = list(batches(rows, self.prefill_tokens))
        if self.eager:  # a forward, then a token for those who are being answered
            later = [row for batch in now[1:] for same in batch for row in same]
            self.waiting.extendleft(reversed(later))
            del now[1:]
        drew: list[Row] = []
        for batch in now:
            first = len(self.slots)
            logits = read_prompts(self.model, self.cache, batch, first)
            self.slots.add([row for same in batch for row in same])
            self.slots.take(logits, first, on_token)
            drew += self.slots.rows[first:]
        return drew

    def _step(self) -> Tensor:
        """Every row's newest token in, the logits of its next one out: (rows, V)."""
        slots, count = self.slots, len(self.slots)
        positions = slots.positions[:count]
        self.cache.expect_step(positions, [row.position for row in slots.rows])
        tokens = slots.tokens[:count]
        fused = self.fuse(slots.rows)
        if fused is not None:
            return fused.logits(tokens, positions, self.cache)
        hidden = self.model.hidden(
            tokens[:, None], positions[:, None], slots.layout, self.cache, self.cache.mask
        )
        return self.model.logits(hidden[:, 0])
