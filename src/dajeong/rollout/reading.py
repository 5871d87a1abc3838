"""Prompts into the cache: equal ones are read once, many or long ones in several forwards. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dajeong.models.roles import RoleModel
from dajeong.rollout.cache import SlotCache
from dajeong.rollout.slots import Row, layout_of


def batches(rows: Sequence[Row], max_tokens: int) -> Iterator[list[list[Row]]]:
    """Rows whose prompts fit one forward; rows of one prompt stand together and share its reading."""
    same: dict[tuple[tuple[int, ...], str | None], list[Row]] = {}
    for row in rows:
        same.setdefault((row.request.ids, row.request.role), []).append(row)
    batch: list[list[Row]] = []
    longest = 0
    for (ids, _), readers in same.items():
        if batch and max(longest, len(ids)) * (len(batch) + 1) > max_tokens:
            yield batch
            batch, longest = [], 0
        batch.append(readers)
        longest = max(longest, len(ids))
    if batch:
        yield batch


def read_prompts(model: RoleModel, cache: SlotCache, batch: Sequence[Sequence[Row]], first: int) -> Tensor:
    """Fill the cache from row `first` on with a batch's prompts; the logits after each, (rows, V).

    Prompts are padded on the right: causal attention keeps padding out of sight, positions need no mask.
    """
    device = model.device
    requests = [readers[0].request for readers in batch]
    longest = max(len(request.ids) for request in requests)
    padded = [[*request.ids, *[0] * (longest - len(request.ids))] for request in requests]
    owners = None
    if any(len(readers) > 1 for readers in batch):
        lines = [line for line, readers in enumerate(batch) for _ in readers]
        owners = torch.tensor(lines, device=device)
    cache.expect_prompts(first, longest, owners, sum(map(len, batch)))
    ids = torch.tensor(padded, device=device)
    positions = torch.arange(longest, device=device).expand_as(ids)
    hidden = model.hidden(ids, positions, layout_of([request.role for request in requests], device), cache)
    ends = torch.tensor([len(request.ids) - 1 for request in requests], device=device)
    logits = model.logits(hidden[torch.arange(len(requests), device=device), ends])
    return logits if owners is None else logits.index_select(0, owners)
