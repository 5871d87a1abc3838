"""Beginnings that the sequences of a forward share are computed once.

A template's header, the prompt of a preference or of a group of replies: under one role, equal tokens behind
equal tokens have equal states. Equal within rounding, not bit for bit, hence off unless asked for. Pure
bookkeeping over integers; knows no weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from dajeong.models.layout import Places, Shared, TokenBatch, asked_of

WORTH_SHARING = 0.05
"""Share of the tokens that must be saved; gathering rows costs copies."""


def thrifty(batch: TokenBatch) -> TokenBatch:
    """The same questions about fewer tokens; the batch itself where too little is shared to be worth it."""
    ids = batch.ids[0].cpu().numpy()
    origin = origins(ids, batch.packing.offsets, _groups(batch))
    own = np.flatnonzero(origin == np.arange(len(ids)))
    if len(ids) - len(own) < WORTH_SHARING * len(ids):
        return batch
    places = np.searchsorted(own, origin)
    spans = [(role, *np.searchsorted(own, (start, end)).tolist()) for role, start, end in batch.layout.spans]
    layout, device = replace(batch.layout, spans=tuple(spans)), batch.ids.device
    kept = torch.from_numpy(own).to(device)
    score_at = places[batch.score_at.cpu().numpy()]
    value_at = {role: places[at.cpu().numpy()] for role, at in batch.value_at.items()}
    return replace(
        batch,
        ids=batch.ids.index_select(1, kept),
        positions=batch.positions.index_select(1, kept),
        packing=replace(batch.packing, shared=Shared(own, places)),
        layout=layout,
        score_at=torch.from_numpy(score_at).to(device),
        value_at={role: torch.from_numpy(at).to(device) for role, at in value_at.items()},
        asked=asked_of([score_at, *value_at.values()], layout, len(own), device),
    )


def _groups(batch: TokenBatch) -> list[range]:
    """Sequences that one role reads side by side."""
    starts = batch.packing.offsets[:-1]
    spans = batch.layout.spans or ((None, 0, batch.num_tokens),)
    bounds = [np.searchsorted(starts, (start, end)).tolist() for _, start, end in spans]
    return [range(first, last) for first, last in bounds]


def origins(ids: Places, offsets: Places, groups: Sequence[range]) -> Places:
    """For every token the one that is computed in its stead: itself, or the same place of another sequence of
    its group that begins alike.
    """
    origin = np.arange(len(ids), dtype=np.int64)
    for group in groups:
        # in this order a sequence shares most with its neighbours
        order = sorted(group, key=lambda index: ids[offsets[index] : offsets[index + 1]].tobytes())
        for before, now in pairwise(order):
            first, second = offsets[before], offsets[now]
            count = min(offsets[before + 1] - first, offsets[now + 1] - second)
            differs = np.flatnonzero(ids[first : first + count] != ids[second : second + count])
            same = differs[0] if len(differs) else count
            origin[second : second + same] = origin[first : first + same]
    return origin
