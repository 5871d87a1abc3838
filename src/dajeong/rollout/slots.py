"""The rows that are being written: tokens, positions, rules and randomness, side by side as tensors.

Knows when a row is done; knows no model and no queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dajeong.errors import QualityProblem
from dajeong.models.layout import Layout
from dajeong.records import StopReason
from dajeong.rollout.engine import Completion, OnToken, Ranked, Request
from dajeong.rollout.sampling import Rules, likeliest, next_tokens, rules_of, uniforms


@dataclass
class Row:
    """One request while it is written."""

    index: int
    request: Request
    room: int
    """Most tokens it may draw: its own limit, or what is left of the context."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ranked: Ranked = ()
    """What was likeliest where its newest token stands, if the request asks for that."""
    stop_reason: StopReason | None = None

    @property
    def position(self) -> int:
        """Where its newest token stands."""
        return len(self.request.ids) + len(self.ids) - 1

    def add(self, token: int, logprob: float, on_token: OnToken | None) -> None:
        if logprob != logprob:
            raise QualityProblem("logits-not-finite", drawn=len(self.ids))
        self.ids.append(token)
        self.logprobs.append(logprob)
        wanted = True if on_token is None else on_token(self.index, token)
        if token in self.request.stop_ids:
            self.stop_reason = "eos"
        elif wanted is False:
            self.stop_reason = "cancelled"
        elif len(self.ids) >= self.room:
            self.stop_reason = "length"

    def completion(self) -> Completion:
        return Completion(tuple(self.ids), tuple(self.logprobs), self.stop_reason or "cancelled")


class Slots:
    """Rows 0 … n − 1 of the cache and everything that runs beside them."""

    def __init__(self, num_slots: int, device: torch.device) -> None:
        self.device = device
        self.rows: list[Row] = []
        self.tokens = torch.zeros(num_slots, dtype=torch.int64, device=device)
        self.positions = torch.zeros(num_slots, dtype=torch.int64, device=device)
        self._drawn = torch.zeros(num_slots, 1, dtype=torch.int64, device=device)
        self._uniforms = torch.zeros(num_slots, 0, dtype=torch.float64, device=device)
        self._seen: Tensor | None = None
        self._rules: Rules | None = None
        self._layout: Layout | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def layout(self) -> Layout:
        if self._layout is None:
            self._layout = layout_of([row.request.role for row in self.rows], self.device)
        return self._layout

    def add(self, rows: Sequence[Row]) -> None:
        """Put `rows` behind the present ones; their prompts are read, nothing is drawn yet."""
        first = len(self.rows)
        self.rows.extend(rows)
        self._rules = self._layout = None
        self._reserve(max(row.room for row in rows))
        for slot, row in enumerate(rows, start=first):
            self.positions[slot] = len(row.request.ids) - 1
            if row.request.decoding.temperature > 0:
                self._uniforms[slot, : row.room] = uniforms(row.request.seed, row.room).to(self.device)
        self._drawn[first : len(self.rows)] = 0

    def _reserve(self, draws: int) -> None:
        """Room for the randomness of rows that draw as often."""
        if missing := max(0, draws - self._uniforms.shape[1]):
            self._uniforms = torch.nn.functional.pad(self._uniforms, (0, missing))

    def take(self, logits: Tensor, first: int, on_token: OnToken | None) -> None:
        """Draw the next token of every row from `first` on; `logits` (rows, V)."""
        last = first + logits.shape[0]
        if first or self._rules is None:
            decodings = [row.request.decoding for row in self.rows[first:last]]
            rules = rules_of(decodings, logits.shape[1], self.device)
            self._rules = None if first else rules
        else:
            rules = self._rules
        seen = self._seen_by(logits, first, last) if rules.any_penalty else None
        uniform = self._uniforms[first:last].gather(1, self._drawn[first:last])[:, 0]
        tokens, logprobs = next_tokens(logits, rules, uniform, seen)
        if seen is not None:
            seen.scatter_(1, tokens[:, None], True)
        self.tokens[first:last] = tokens
        self.positions[first:last] += 1
        self._drawn[first:last] += 1
        self._rank(logits, rules, self.rows[first:last])
        drawn = torch.stack((tokens.double(), logprobs.double())).tolist()  # the one wait for the device
        for row, token, logprob in zip(self.rows[first:last], *drawn, strict=True):
            row.add(int(token), logprob, on_token)

    @staticmethod
    def _rank(logits: Tensor, rules: Rules, rows: Sequence[Row]) -> None:
        most = max(row.request.num_ranked for row in rows)
        if most:
            for row, ranked in zip(rows, likeliest(logits, rules, most), strict=True):
                row.ranked = ranked[: row.request.num_ranked]

    def _seen_by(self, logits: Tensor, first: int, last: int) -> Tensor:
        """(rows, V) tokens of prompt and reply so far; right for rows with a penalty, which are never without
        it while they are here.
        """
        if self._seen is None:
            self._seen = torch.zeros(len(self.tokens), logits.shape[1], dtype=torch.bool, device=self.device)
        for slot, row in enumerate(self.rows[first:last], start=first):
            if not row.ids:
                self._seen[slot] = False
                self._seen[slot, torch.tensor(row.request.ids, device=self.device)] = True
        return self._seen[first:last]

    def evict(self) -> tuple[list[Row], list[int], list[int]]:
        """Take finished rows out, fill their places from the end: (finished, sources, targets of moves)."""
        finished = [row for row in self.rows if row.stop_reason is not None]
        if not finished:
            return [], [], []
        count = len(self.rows) - len(finished)
        targets = [slot for slot in range(count) if self.rows[slot].stop_reason is not None]
        sources = [slot for slot in range(count, len(self.rows)) if self.rows[slot].stop_reason is None]
        for source, target in zip(sources, targets, strict=True):
            self.rows[target] = self.rows[source]
        del self.rows[count:]
        self._rules = self._layout = None
        if sources:
            moved, into = torch.tensor(sources, device=self.device), torch.tensor(targets, device=self.device)
            for column in (self.tokens, self.positions, self._drawn, self._uniforms, self._seen):
                if column is not None:
                    column[into] = column[moved]
        return finished, sources, targets


def layout_of(roles: Sequence[str | None], device: torch.device) -> Layout:
    """The layout of rows that each belong to one of `roles`."""
    names = list(dict.fromkeys(roles))
    if len(names) == 1:
        return Layout.all(names[0])
    return Layout.slots(names, torch.tensor([names.index(role) for role in roles], device=device))
