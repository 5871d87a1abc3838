"""Rows of one batch, padded on the right to the longest; only answers are learned."""

from __future__ import annotations

from typing import Any

import torch


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Rows of `ids` and the length of their `prompt`."""
    longest = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full_like(ids, -100)
    mask = torch.zeros_like(ids)
    for line, row in enumerate(rows):
        length = len(row["ids"])
        ids[line, :length] = torch.tensor(row["ids"])
        labels[line, row["prompt"] : length] = ids[line, row["prompt"] : length]
        mask[line, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}
