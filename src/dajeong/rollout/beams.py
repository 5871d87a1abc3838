"""Beam search, token for token that of transformers' `generate(num_beams=n)` with its default penalties.

A finished hypothesis is worth its mean log-probability; a prompt is done when no running beam can beat its
worst finished one. Knows neither sampling nor text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby

import torch
from torch import Tensor

from dajeong.models.roles import RoleModel
from dajeong.rollout.cache import SlotCache
from dajeong.rollout.engine import Completion, OnToken
from dajeong.rollout.reading import batches, read_prompts
from dajeong.rollout.sampling import penalised
from dajeong.rollout.slots import Row, layout_of

NEVER = -1.0e9
"""Transformers' score of what must not be chosen."""


def beam_search(
    model: RoleModel,
    rows: Sequence[Row],
    max_slots: int,
    prefill_tokens: int,
    on_token: OnToken | None,
    done: dict[int, Completion],
) -> None:
    """Write the best hypothesis of every row into `done`; `on_token` hears of it once it is final."""

    def width(row: Row) -> int:
        return row.request.decoding.num_beams

    for beams, same in groupby(sorted(rows, key=width), width):
        waiting = list(same)
        size = max(1, max_slots // beams)
        for start in range(0, len(waiting), size):
            search = _Search(model, waiting[start : start + size], beams, prefill_tokens)
            for row in search.run():
                done[row.index] = _told(row, on_token)


def _told(row: Row, on_token: OnToken | None) -> Completion:
    ids, logprobs, row.ids, row.logprobs = row.ids, row.logprobs, [], []
    for token, logprob in zip(ids, logprobs, strict=True):
        row.add(token, logprob, on_token)
        if row.stop_reason is not None:
            break
    return row.completion()


@dataclass
class Hypotheses:
    """Candidate replies of every prompt: tensors (prompts, candidates, …)."""

    scores: Tensor
    tokens: Tensor
    """(…, steps) drawn so far."""
    logprobs: Tensor
    """(…, steps) of those tokens, no penalty in them."""
    lengths: Tensor
    complete: Tensor
    """False marks a running beam, or an empty place among the finished."""

    def chosen(self, order: Tensor) -> Hypotheses:
        """Per prompt the candidates `order` (prompts, n), in that order."""
        places = {2: order, 3: order[:, :, None]}
        return self._each(lambda part: part.take_along_dim(places[part.dim()], dim=1))

    def best(self, count: int) -> Hypotheses:
        return self.chosen(self.scores.topk(count, dim=1).indices)

    def of_prompts(self, kept: Tensor) -> Hypotheses:
        return self._each(lambda part: part.index_select(0, kept))

    def beside(self, other: Hypotheses) -> Hypotheses:
        names = [part.name for part in fields(self)]
        return Hypotheses(*(torch.cat((getattr(self, name), getattr(other, name)), dim=1) for name in names))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Hypotheses:
        return Hypotheses(*(change(getattr(self, part.name)) for part in fields(self)))


class _Search:
    """Prompts that are searched side by side, each with the same number of beams."""

    def __init__(self, model: RoleModel, rows: Sequence[Row], beams: int, prefill_tokens: int) -> None:
        self.model, self.beams, self.device = model, beams, model.device
        self.rows: list[Row] = []
        most = max(len(row.request.ids) + row.room for row in rows)
        self.cache = SlotCache(len(rows) * beams, most)
        logits = []
        for batch in batches(rows, prefill_tokens):
            copies = [[row for row in same for _ in range(beams)] for same in batch]
            logits.append(read_prompts(model, self.cache, copies, len(self.rows) * beams))
            self.rows.extend(row for same in batch for row in same)
        self.logits = torch.cat(logits)
        steps = max(row.room for row in rows)
        self.running = self._empty(len(rows), steps)
        self.running.scores[:, 0] = 0.0  # the beams are equal at first: only one may go on
        self.finished = self._empty(len(rows), steps)
        self.step = 0
        self._prepare(rows)

    def _empty(self, prompts: int, steps: int) -> Hypotheses:
        shape, device = (prompts, self.beams), self.device
        return Hypotheses(
            scores=torch.full(shape, NEVER, device=device),
            tokens=torch.zeros(*shape, steps, dtype=torch.int64, device=device),
            logprobs=torch.zeros(*shape, steps, device=device),
            lengths=torch.zeros(shape, dtype=torch.int64, device=device),
            complete=torch.zeros(shape, dtype=torch.bool, device=device),
        )

    def _prepare(self, rows: Sequence[Row]) -> None:
        """What stops, limits and penalises each prompt."""
        prompts, vocabulary = len(self.rows), self.logits.shape[1]
        requests = [row.request for row in self.rows]
        self.stops = torch.zeros(prompts, vocabulary, dtype=torch.bool, device=self.device)
        for line, request in enumerate(requests):
            self.stops[line, sorted(request.stop_ids)] = True
        # enough candidates that, whatever ends, as many beams go on
        self.width = max(2, 1 + max(len(request.stop_ids) for request in requests)) * self.beams
        self.width = min(self.width, self.beams * vocabulary)
        self.rooms = torch.tensor([[row.room] for row in self.rows], device=self.device)
        penalties = [request.decoding.repetition_penalty for request in requests]
        self.penalty = torch.tensor(penalties, device=self.device).repeat_interleave(self.beams)[:, None]
        self.seen: Tensor | None = None
        if any(penalty != 1 for penalty in penalties):
            self.seen = torch.zeros(prompts * self.beams, vocabulary, dtype=torch.bool, device=self.device)
            for line, request in enumerate(requests):
                self.seen[line * self.beams : (line + 1) * self.beams, list(request.ids)] = True

    def run(self) -> Iterator[Row]:
        """Prompts as they are done, their best hypothesis in their `ids`."""
        while True:
            candidates, beam_of = self._continuations()
            over, sources = self._advance(candidates, beam_of)
            yield from self._leave(over)
            if not self.rows:
                return
            self._go_on(over, sources)

    def _continuations(self) -> tuple[Hypotheses, Tensor]:
        """The best next tokens over all beams of a prompt, and the beam that each goes on from."""
        prompts, vocabulary = len(self.rows), self.logits.shape[1]
        logprobs = self.logits.log_softmax(dim=-1)
        scores = logprobs if self.seen is None else penalised(logprobs, self.seen, self.penalty)
        total = scores.view(prompts, self.beams, vocabulary) + self.running.scores[:, :, None]
        best, at = total.flatten(1).topk(self.width, dim=1)
        beam_of, token = at // vocabulary, at % vocabulary
        candidates = self.running.chosen(beam_of)
        candidates.scores = best
        candidates.tokens[:, :, self.step] = token
        candidates.logprobs[:, :, self.step] = logprobs.view(prompts, -1).gather(1, at)
        candidates.lengths.fill_(self.step + 1)
        candidates.complete = self.stops.gather(1, token) | (self.step + 1 >= self.rooms)
        return candidates, beam_of

    def _advance(self, candidates: Hypotheses, beam_of: Tensor) -> tuple[Tensor, Tensor]:
        """Split candidates into running and finished; which prompts are done, and whence each beam comes."""
        ends, self.step = candidates.complete, self.step + 1
        order = (candidates.scores + ends * NEVER).topk(self.beams, dim=1).indices
        self.running = candidates.chosen(order)
        self.running.scores = self.running.scores + self.running.complete * NEVER
        taken = ends.clone()
        taken[:, self.beams :] = False  # those further down are only there so that enough beams go on
        candidates.scores = candidates.scores / self.step + ~taken * NEVER
        candidates.complete = taken
        self.finished = self.finished.beside(candidates).best(self.beams)
        hoped = self.running.scores[:, :1] / self.step
        worst = torch.where(self.finished.complete, self.finished.scores.amin(dim=1, keepdim=True), NEVER)
        over = ~(hoped > worst).any(dim=1) | ends.all(dim=1)
        return over, beam_of.gather(1, order)

    def _leave(self, over: Tensor) -> Iterator[Row]:
        gone = over.tolist()
        for line, row in enumerate(self.rows):
            if gone[line]:
                length = int(self.finished.lengths[line, 0])
                row.ids = self.finished.tokens[line, 0, :length].tolist()
                row.logprobs = self.finished.logprobs[line, 0, :length].tolist()
                yield row
        self.rows = [row for line, row in enumerate(self.rows) if not gone[line]]

    def _go_on(self, over: Tensor, sources: Tensor) -> None:
        """Bring the cache into the order of the running beams and read their newest tokens."""
        kept = (~over).nonzero()[:, 0]
        first = torch.arange(len(over), device=self.device)[:, None] * self.beams
        lines = (sources + first).index_select(0, kept).flatten()
        if len(kept) < len(over):
            self.running, self.finished = self.running.of_prompts(kept), self.finished.of_prompts(kept)
            self.stops, self.rooms = self.stops[kept], self.rooms[kept]
        self.penalty = self.penalty[lines]
        positions = [len(row.request.ids) + self.step - 1 for row in self.rows for _ in range(self.beams)]
        self.cache.reorder(lines, max(positions))
        tokens = self.running.tokens[:, :, self.step - 1].reshape(-1, 1)
        if self.seen is not None:
            self.seen = self.seen[lines].scatter_(1, tokens, True)
        at = torch.tensor(positions, device=self.device)
        self.cache.expect_step(at, positions)
        roles = [row.request.role for row in self.rows for _ in range(self.beams)]
        layout = layout_of(roles, self.device)
        hidden = self.model.hidden(tokens, at[:, None], layout, self.cache, self.cache.mask)
        self.logits = self.model.logits(hidden[:, 0])
