"""Continuous batching over the native engine: requests of any adapter come and go between two tokens.

What a request draws depends on its own seed alone, as in `native`. Knows tokens; knows no text and no thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dajeong.models.roles import RoleModel
from dajeong.rollout.engine import Drawn, Request
from dajeong.rollout.native import PREFILL_TOKENS, context_limit
from dajeong.rollout.neox import NeoxStep, fits
from dajeong.rollout.schedule import Schedule
from dajeong.rollout.slots import Row

FIRST_SLOTS, FIRST_COLUMNS = 16, 128
"""What the cache has room for when a request comes to an idle engine; it grows with what is asked."""


class NativeContinuous:
    """Serves a RoleModel; rows of different roles share its forwards.

    The weights are taken as they are when a role first answers: this is for serving, where nothing learns.
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
        self.context = context_limit(model.config)
        self._max_slots, self._prefill_tokens = max_slots, prefill_tokens
        self._fused = NeoxStep(model) if fused and fits(model) else None
        self._folded: tuple[str | None, ...] = ()
        """The role whose weights `_fused` holds, once there is one."""
        self._keys = 0
        self.clear()

    @property
    def num_running(self) -> int:
        return len(self._schedule.slots)

    @property
    def num_waiting(self) -> int:
        return len(self._schedule.waiting)

    def add(self, request: Request) -> int:
        self._keys += 1
        room = min(request.decoding.max_new_tokens, self.context - len(request.ids))
        assert request.ids and room > 0, "a prompt has a token at least, and leaves room for one"
        self._schedule.add([Row(self._keys, request, room)])
        return self._keys

    def cancel(self, key: int) -> None:
        self._schedule.cancel(key)

    def step(self) -> list[Drawn]:
        with torch.inference_mode():
            found = [
                Drawn(row.index, row.ids[-1], row.logprobs[-1], row.ranked, row.stop_reason)
                for row in self._schedule.step()
            ]
        if not self._schedule:
            self.clear()
        return found

    def clear(self) -> None:
        """Forget every request, and give back what the cache had grown to."""
        self._schedule = Schedule(
            self.model,
            self._max_slots,
            min(FIRST_COLUMNS, self.context),
            self._prefill_tokens,
            self._fuse,
            eager=True,
            first_slots=FIRST_SLOTS,
        )

    def _fuse(self, rows: Sequence[Row]) -> NeoxStep | None:
        """The hand-written step, where all rows are of one role; folding its weights in takes a while."""
        roles = {row.request.role for row in rows}
        if self._fused is None or len(roles) != 1:
            return None
        if self._folded != (*roles,):
            self._fused.fold(*roles)
            self._folded = (*roles,)
        return self._fused
