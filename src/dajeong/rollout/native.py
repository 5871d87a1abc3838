"""The in-process sampling engine: unmodified transformers models through our own per-row cache.

Rows stop one by one, finished rows leave at once and waiting requests take their place. What a request
draws depends on its own seed alone. Knows tokens, not text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from dajeong.models.roles import RoleModel
from dajeong.rollout.beams import beam_search
from dajeong.rollout.cache import SlotCache
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.rollout.neox import NeoxStep, fits
from dajeong.rollout.reading import batches, read_prompts
from dajeong.rollout.slots import Row, Slots

WORTH_FOLDING = 8
"""Steps from which on a copy of the weights is earned back."""
PREFILL_TOKENS = 4096
"""Prompt tokens, padding included, of one forward: 64 long prompts are read in several."""


class NativeEngine:
    """Samples from a RoleModel; requests of different roles share its forwards.

    `fused` lets small models decode through a step written by hand, equal within rounding.
    """

    def __init__(
        self,
        model: RoleModel,
        max_slots: int = 64,
        prefill_tokens: int = PREFILL_TOKENS,
        *,
        fused: bool = True,
    ) -> None:
        self.model = model
        self.max_slots = max_slots
        self.prefill_tokens = prefill_tokens
        self._fused = NeoxStep(model) if fused and fits(model) else None

    def fused_for(self, rows: Sequence[Row]) -> NeoxStep | None:
        """The hand-written step with today's weights of the one role of all `rows`, where that pays."""
        roles = {row.request.role for row in rows}
        if self._fused is None or len(roles) > 1 or max(row.room for row in rows) < WORTH_FOLDING:
            return None
        self._fused.fold(roles.pop())
        return self._fused

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        """A completion per request, in order. Raises QualityProblem where the model answers NaN."""
        done: dict[int, Completion] = {}
        with torch.inference_mode():
            rows = list(self._rows(requests, done))
            single = [row for row in rows if row.request.decoding.num_beams == 1]
            if single:
                _Run(self, single, on_token, done).run()
            beams = [row for row in rows if row.request.decoding.num_beams > 1]
            beam_search(self.model, beams, self.max_slots, self.prefill_tokens, on_token, done)
        return [done[index] for index in range(len(requests))]

    def _rows(self, requests: Sequence[Request], done: dict[int, Completion]) -> Iterator[Row]:
        limit = context_limit(self.model.config)
        for index, request in enumerate(requests):
            assert request.ids, "a prompt has at least one token"
            room = min(request.decoding.max_new_tokens, limit - len(request.ids))
            if room > 0:
                yield Row(index, request, room)
            else:
                done[index] = Completion((), (), "length")


def context_limit(config: Any) -> int:
    """Longest sequence, prompt and reply."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)


class _Run:
    """One call of `generate`."""

    def __init__(
        self, engine: NativeEngine, rows: Sequence[Row], on_token: OnToken | None, done: dict[int, Completion]
    ) -> None:
        self.model = engine.model
        self.prefill_tokens = engine.prefill_tokens
        self.num_slots = min(engine.max_slots, len(rows))
        self.waiting = deque(rows)
        self.on_token = on_token
        self.done = done
        device = self.model.device
        longest = max(len(row.request.ids) for row in rows)
        most = max(len(row.request.ids) + row.room for row in rows)
        self.fused = engine.fused_for(rows)
        self.slots = Slots([row.request for row in rows], self.num_slots, device)
        self.cache = SlotCache(self.num_slots, min(most, longest + 128))

    def run(self) -> None:
        while self.waiting or self.slots:
            free = self.num_slots - len(self.slots)
            # a prompt read alone costs a whole forward, so wait until a quarter of the slots is free
            if self.waiting and free >= min(len(self.waiting), max(1, self.num_slots // 4)):
                self._admit([self.waiting.popleft() for _ in range(min(free, len(self.waiting)))])
            else:
                self.slots.take(self._step(), 0, self.on_token)
            self._evict()

    def _admit(self, rows: list[Row]) -> None:
        for batch in batches(rows, self.prefill_tokens):
            first = len(self.slots)
            logits = read_prompts(self.model, self.cache, batch, first)
            self.slots.add([row for same in batch for row in same])
            self.slots.take(logits, first, self.on_token)

    def _step(self) -> Tensor:
        """Every row's newest token in, the logits of its next one out: (rows, V)."""
        slots, count = self.slots, len(self.slots)
        positions = slots.positions[:count]
        self.cache.expect_step(positions, [row.position for row in slots.rows])
        tokens = slots.tokens[:count]
        if self.fused is not None:
            return self.fused.logits(tokens, positions, self.cache)
        hidden = self.model.hidden(
            tokens[:, None], positions[:, None], slots.layout, self.cache, self.cache.mask
        )
        return self.model.logits(hidden[:, 0])

    def _evict(self) -> None:
        finished, sources, targets = self.slots.evict()
        for row in finished:
            self.done[row.index] = row.completion()
        if sources:
            self.cache.move(sources, targets, 1 + max(row.position for row in self.slots.rows))
