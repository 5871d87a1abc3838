"""The shape of a forward: sequences end to end, the role of every token, the places where scores are read.

Pure bookkeeping over integers; knows no weights. Semantics: every training and scoring forward is (1,
tokens); positions restart at every sequence; packed equals separate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

Role = str | None  # None is the bare base
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
MOST_ASKED = 0.9
"""Share of a forward's tokens above which leaving the others out saves less than it costs."""
FEWEST_ASKED = 32
"""Products of very few rows round them one by one; with this many, equal tokens stay equal bit for bit."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Which tokens (or decode slots) belong to which role: contiguous `spans`, or masks for any order."""

    spans: tuple[tuple[Role, int, int], ...] = ()
    onehot: Mapping[str, Tensor] | None = None
    """Role → (slots, 1, 1) of 0 and 1."""
    everywhere: Role = None
    """The one role of every token, where neither spans nor a mask is given."""
    last: Asked | None = None
    """What the last layer need answer for, where it is not every token."""

    @staticmethod
    def all(role: Role) -> Layout:
        """Every token belongs to `role`."""
        return Layout(everywhere=role)

    @staticmethod
    def of(lengths: Sequence[tuple[Role, int]]) -> Layout:
        """Spans of (role, num_tokens) end to end; neighbours of one role are joined, empty spans are kept."""
        spans: list[tuple[Role, int, int]] = []
        end = 0
        for role, length in lengths:
            start, end = end, end + length
            if spans and spans[-1][0] == role:
                spans[-1] = (role, spans[-1][1], end)
            else:
                spans.append((role, start, end))
        return Layout(spans=tuple(spans)) if len(spans) != 1 else Layout.all(spans[0][0])

    @staticmethod
    def slots(roles: Sequence[Role], role_of_slot: Tensor) -> Layout:
        """Decode slots in any order; `role_of_slot` (slots,) indexes `roles`."""
        present = sorted(set(role_of_slot.tolist()))
        if len(present) == 1:
            return Layout.all(roles[present[0]])
        masks = {
            name: (role_of_slot == index).view(-1, 1, 1)
            for index, name in enumerate(roles)
            if name is not None and index in present
        }
        return Layout(onehot=masks)

    def including(self, roles: Sequence[str], num_tokens: int) -> Layout:
        """The same layout in which each of `roles` has a span, empty if need be.

        A trainable role that is absent from a forward on one process breaks collective gradients.
        """
        if self.onehot is not None:
            return self
        spans = self.spans or ((self.everywhere, 0, num_tokens),)
        missing = [role for role in roles if role not in {span[0] for span in spans}]
        absent = ((role, num_tokens, num_tokens) for role in missing)
        return Layout(spans=(*spans, *absent)) if missing else self

    def at(self, tokens: np.ndarray[Any, Any], num_tokens: int) -> Layout:
        """The layout of some of the tokens alone, given by their rising numbers."""
        spans = self.spans or ((self.everywhere, 0, num_tokens),)
        cuts = np.searchsorted(tokens, [[start, end] for _, start, end in spans]).tolist()
        return Layout(spans=tuple((span[0], *cut) for span, cut in zip(spans, cuts, strict=True)))


class Asked(NamedTuple):
    """The tokens of a forward that anything is asked about, and their layout."""

    tokens: Tensor
    """(N,) rising."""
    layout: Layout

    def including(self, roles: Sequence[str]) -> Asked:
        return Asked(self.tokens, self.layout.including(roles, len(self.tokens)))

    def rows(self, tokens: Tensor) -> Tensor:
        """Places of some of them among them all."""
        return torch.searchsorted(self.tokens, tokens)


class Rows(NamedTuple):
    """Sequences of like length as a rectangle: attention's view of one stretch of the packed tokens."""

    start: int
    end: int
    num_rows: int
    length: int
    gather: Tensor | None
    """(num_rows × length,) token of every cell, the last repeated as padding; None if nothing is padded."""
    keep: Tensor | None
    """(end − start,) cells that hold real tokens, each where it is computed."""
    again: Tensor | None = None
    """Cells that hold a token which is computed in another cell."""


class Shared(NamedTuple):
    """Which tokens stand for several."""

    own: Places
    """(T,) of the tokens as they were packed, those that are computed."""
    cells: Places
    """(Σ lengths,) for every token as it was packed, its place among the computed."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Where sequences begin and end among the packed tokens."""

    lengths: tuple[int, ...]
    device: torch.device
    fresh: frozenset[int] = frozenset()
    """Sequences that never share a rectangle with the one before them."""
    shared: Shared | None = None
    """Given where sequences that begin alike share the tokens they begin with."""

    @cached_property
    def offsets(self) -> Places:
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    @cached_property
    def cu_seqlens(self) -> Tensor:
        """(S + 1,) int32."""
        return torch.tensor(self.offsets, dtype=torch.int32, device=self.device)

    @cached_property
    def max_length(self) -> int:
        return max(self.lengths)

    @cached_property
    def rows(self) -> tuple[Rows, ...]:
        """Neighbouring sequences joined while their padded rectangle stays within 1.5 × their tokens."""
        groups: list[list[int]] = []
        longest = total = 0
        for index, length in enumerate(self.lengths):
            grown = max(longest, length)
            joins = bool(groups) and index not in self.fresh
            if joins and grown * (len(groups[-1]) + 1) <= 1.5 * (total + length):
                groups[-1].append(index)
                longest, total = grown, total + length
            else:
                groups.append([index])
                longest, total = length, length
        return tuple(self._rectangle(group[0], group[-1] + 1) for group in groups)

    def _rectangle(self, first: int, last: int) -> Rows:
        lengths = np.asarray(self.lengths[first:last])
        starts = self.offsets[first:last]
        longest = int(lengths.max())
        start, end = int(starts[0]), int(self.offsets[last])
        if self.shared is None and (lengths == longest).all():
            return Rows(start, end, len(lengths), longest, None, None)
        column = np.arange(longest)
        cells = (starts[:, None] + np.minimum(column[None, :], lengths[:, None] - 1)).ravel()
        real = np.flatnonzero((column[None, :] < lengths[:, None]).ravel())
        if self.shared is None:
            again = None
        else:
            start, end = np.searchsorted(self.shared.own, (start, end)).tolist()
            here = np.isin(cells[real], self.shared.own)
            real, again, cells = real[here], _tensor(real[~here], self.device), self.shared.cells[cells]
        gather, keep = _tensor(cells, self.device), _tensor(real, self.device)
        return Rows(start, end, len(lengths), longest, gather, keep, again)


class Sequence_(NamedTuple):
    """One sequence of a forward: its tokens, the role that reads them, and what is asked about them."""

    ids: Sequence[int]
    role: Role = None
    learn: Sequence[bool] | None = None
    """Tokens whose log-probability is asked; the first token has none."""
    value_at: Sequence[int] = ()
    """Places at which the role's scalar head is read."""
    head: Role = None
    """Whose head is read there, where it is not the role's own."""


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """One forward of shape (1, T)."""

    ids: Tensor
    positions: Tensor
    packing: Packing
    layout: Layout
    score_at: Tensor
    """(N,) tokens whose next token is scored; logits exist only here."""
    targets: Tensor
    """(N,) those next tokens."""
    value_at: Mapping[str, Tensor] = field(default_factory=dict)
    """Role → (M,) tokens at which its scalar head is read."""
    asked: Asked | None = None
    """All those tokens together, where they are few enough to be worth a layer of their own."""
    temperature: float | Tensor = 1.0
    """One for all, or (N,)."""
    entropy: bool = False
    """Also measure the entropy at every scored token."""

    @property
    def num_tokens(self) -> int:
        return self.ids.shape[1]


class TokenOutputs(NamedTuple):
    """What a forward answers, in float32."""

    logprobs: Tensor
    """(N,)"""
    entropy: Tensor | None
    """(N,)"""
    values: Mapping[str, Tensor]
    """Role → (M,)"""


def pack(
    sequences: Sequence[Sequence_],
    device: torch.device | str = "cpu",
    temperature: float | Tensor = 1.0,
    entropy: bool = False,
) -> TokenBatch:
    """Lay sequences end to end; put those of one role side by side, or every change of role costs a span.

    Two roles that read the same sequences in the same order do so in the same shapes, and so, equal roles, to
    the same bits: PPO starts at a KL of exactly 0.
    """
    place = torch.device(device)
    lengths = tuple(len(sequence.ids) for sequence in sequences)
    changes = (at for at in range(1, len(sequences)) if sequences[at].role != sequences[at - 1].role)
    packing = Packing(lengths, place, frozenset(changes))
    ids = np.concatenate([np.asarray(sequence.ids, dtype=np.int64) for sequence in sequences])
    positions = np.concatenate([np.arange(length) for length in lengths])
    scored = [
        _scored(sequence, int(start)) for sequence, start in zip(sequences, packing.offsets, strict=False)
    ]
    score_at = np.concatenate(scored) if scored else np.zeros(0, np.int64)
    values: dict[str, list[int]] = {}
    for sequence, start in zip(sequences, packing.offsets, strict=False):
        head = sequence.head or sequence.role
        if sequence.value_at and head is not None:
            values.setdefault(head, []).extend(int(start) + at for at in sequence.value_at)
    layout = Layout.of([(sequence.role, length) for sequence, length in zip(sequences, lengths, strict=True)])
    return TokenBatch(
        ids=_tensor(ids, place)[None],
        positions=_tensor(positions, place)[None],
        packing=packing,
        layout=layout,
        score_at=_tensor(score_at, place),
        targets=_tensor(ids[np.minimum(score_at + 1, len(ids) - 1)], place),
        value_at={role: torch.tensor(at, device=place) for role, at in values.items()},
        asked=asked_of([score_at, *values.values()], layout, len(ids), place),
        temperature=temperature,
        entropy=entropy,
    )


def _scored(sequence: Sequence_, start: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if sequence.learn is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.asarray(sequence.learn, dtype=bool)[1:]).astype(np.int64) + start


def asked_of(places: Sequence[Any], layout: Layout, num_tokens: int, device: torch.device) -> Asked | None:
    found = [np.asarray(at, np.int64) for at in places]
    tokens = np.unique(np.concatenate([*found, np.arange(min(FEWEST_ASKED, num_tokens))]))
    if not any(map(len, found)) or len(tokens) > MOST_ASKED * num_tokens:
        return None
    return Asked(_tensor(tokens, device), layout.at(tokens, num_tokens))


def _tensor(array: np.ndarray[Any, Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
