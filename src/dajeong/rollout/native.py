"""The in-process sampling engine: unmodified transformers models through our own per-row cache.

Rows stop one by one, finished rows leave at once and waiting requests take their place. What a request
draws depends on its own seed alone. Knows tokens, not text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dajeong.models.roles import RoleModel
from dajeong.models.whole import in_parts, reading
from dajeong.rollout.beams import beam_search
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.rollout.neox import NeoxStep, fits
from dajeong.rollout.schedule import Schedule
from dajeong.rollout.slots import Row

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
        if in_parts(self.model):
            return None
        self._fused.fold(roles.pop())
        return self._fused

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        """A completion per request, in order. Raises QualityProblem where the model answers NaN."""
        done: dict[int, Completion] = {}
        with reading(self.model):
            rows = list(self._rows(requests, done))
            single = [row for row in rows if row.request.decoding.num_beams == 1]
            if single:
                self._run(single, on_token, done)
            beams = [row for row in rows if row.request.decoding.num_beams > 1]
            beam_search(self.model, beams, self.max_slots, self.prefill_tokens, on_token, done)
        return [done[index] for index in range(len(requests))]

    def _run(self, rows: list[Row], on_token: OnToken | None, done: dict[int, Completion]) -> None:
        longest = max(len(row.request.ids) for row in rows)
        most = max(len(row.request.ids) + row.room for row in rows)
        slots = min(self.max_slots, len(rows))
        fused = self.fused_for(rows)
        columns = min(most, longest + 128)
        schedule = Schedule(self.model, slots, columns, self.prefill_tokens, lambda _: fused)
        schedule.add(rows)
        while schedule:
            for row in schedule.step(on_token):
                if row.stop_reason is not None:
                    done[row.index] = row.completion()

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
