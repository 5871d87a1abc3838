"""Keys and values of running rows, handed to unmodified transformers models as their cache.

Rows stand at positions of their own: each writes its next column, a mask hides what lies behind its end.
Knows neither tokens nor when a row is done.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.cache_utils import Cache

GROWTH = 64
"""Columns are added in blocks of at least this many."""


class _Prefill(NamedTuple):
    first: int
    owners: Tensor | None


class _Step(NamedTuple):
    rows: int
    width: int
    positions: Tensor | None
    """(rows,) column that each row writes; None if all write the last one."""


class SlotCache(Cache):
    """Per layer: keys and values (slots, heads, columns, width), allocated when first written.

    Slots and columns are added as they are needed.
    """

    def __init__(self, num_slots: int, columns: int) -> None:
        super().__init__(layers=[])
        self.num_slots = num_slots
        self.columns = columns
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self._plan: _Prefill | _Step = _Prefill(0, None)
        self._cells: dict[int, Tensor] = {}
        """Number of heads → (rows × heads,) lines of a flattened store that the coming step writes."""
        self.mask: Tensor | None = None
        """(rows, 1, 1, width) of the coming step; None where every row sees every column."""

    def expect_prompts(
        self, first: int, length: int, owners: Tensor | None = None, rows: int | None = None
    ) -> None:
        """The next forward reads prompts, padded on the right to `length`, into the rows from `first` on.

        `owners` (rows,) names the line of the forward that each row copies: equal prompts are read once.
        `rows` says how many they are, where there may be fewer slots yet.
        """
        self._plan, self.mask = _Prefill(first, owners), None
        self._widen(first + (rows or 0))
        self._reserve(length)

    def expect_step(self, positions: Tensor, on_host: list[int]) -> None:
        """The next forward reads one token per row, at `positions` (rows,), which `on_host` repeats."""
        lowest, highest = min(on_host), max(on_host)
        width = highest + 1
        self._reserve(width)
        if lowest == highest:
            self._plan, self.mask = _Step(len(on_host), width, None), None
            return
        self._plan = _Step(len(on_host), width, positions)
        self._cells.clear()
        columns = torch.arange(width, device=positions.device)
        self.mask = (columns[None, :] <= positions[:, None])[:, None, None, :]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Called by the model: new (rows, heads, L, width) in, all that the rows may attend to out."""
        if layer_idx == len(self.keys):
            self.keys.append(self._empty(key_states))
            self.values.append(self._empty(value_states))
        return (
            self._write(self.keys[layer_idx], key_states),
            self._write(self.values[layer_idx], value_states),
        )

    def _write(self, store: Tensor, states: Tensor) -> Tensor:
        plan = self._plan
        if isinstance(plan, _Prefill):
            lines = states if plan.owners is None else states.index_select(0, plan.owners)
            store[plan.first : plan.first + lines.shape[0], :, : lines.shape[2]] = lines
            return states
        if plan.positions is None:
            store[: plan.rows, :, plan.width - 1 : plan.width] = states
        else:
            cells = self._cells_of(states.shape[1], plan.positions)
            store.view(-1, store.shape[3]).index_copy_(0, cells, states.reshape(-1, store.shape[3]))
        return store[: plan.rows, :, : plan.width]

    def _cells_of(self, heads: int, positions: Tensor) -> Tensor:
        if heads not in self._cells:
            rows = torch.arange(len(positions), device=positions.device)[:, None] * heads
            lines = rows + torch.arange(heads, device=positions.device)
            self._cells[heads] = (lines * self.columns + positions[:, None]).flatten()
        return self._cells[heads]

    def move(self, sources: list[int], targets: list[int], width: int) -> None:
        """Copy the first `width` columns of some rows over others, which are thereby forgotten."""
        for store in (*self.keys, *self.values):
            for source, target in zip(sources, targets, strict=True):
                store[target, :, :width] = store[source, :, :width]

    def reorder(self, sources: Tensor, width: int) -> None:
        """Row i becomes what row `sources[i]` was, for beam search."""
        for store in (*self.keys, *self.values):
            store[: len(sources), :, :width] = store[:, :, :width].index_select(0, sources)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Transformers asks only where it was not told the positions, which we always tell."""
        return 0

    def _widen(self, slots: int) -> None:
        if slots <= self.num_slots:
            return
        more = max(slots, self.num_slots * 3 // 2) - self.num_slots
        self.num_slots += more
        for stores in (self.keys, self.values):
            for layer, store in enumerate(stores):
                stores[layer] = torch.cat((store, store.new_zeros(more, *store.shape[1:])))

    def _reserve(self, columns: int) -> None:
        if columns <= self.columns:
            return
        before = self.columns
        self.columns = max(columns, before + GROWTH, before * 3 // 2)
        for stores in (self.keys, self.values):
            for layer, store in enumerate(stores):
                grown = store.new_zeros(*store.shape[:2], self.columns, store.shape[3])
                grown[:, :, :before] = store
                stores[layer] = grown

    def _empty(self, states: Tensor) -> Tensor:
        # zeros: a masked column still takes part in the products, and NaN × 0 is NaN
        return states.new_zeros(self.num_slots, states.shape[1], self.columns, states.shape[3])
