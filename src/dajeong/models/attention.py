"""Attention over packed tokens, registered with transformers under one name. Unmodified model code calls it.

Packed (1, T) forwards attend within each sequence only; a 4-D boolean mask means cached decoding and is
obeyed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from dajeong.models.layout import Packing, Rows

NAME = "dajeong"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **ignored: Any,
) -> tuple[Tensor, None]:
    """query (B, heads, L, d), key and value (B, key heads, K, d) → (B, L, heads, d).

    The packing comes from `module.forward_state`, which `RoleModel` hangs on every module of its base.
    """
    grouped = key.shape[1] != query.shape[1]
    if attention_mask is not None:
        attended = scaled_dot_product_attention(
            query, key, value, attention_mask, scale=scaling, enable_gqa=grouped
        )
        return attended.transpose(1, 2), None
    packing: Packing | None = module.forward_state.packing  # type: ignore[union-attr, assignment]
    if packing is None:
        attended = scaled_dot_product_attention(
            query, key, value, is_causal=query.shape[2] > 1, scale=scaling, enable_gqa=grouped
        )
        return attended.transpose(1, 2), None
    tokens = [states[0].transpose(0, 1) for states in (query, key, value)]  # each (T, heads, d)
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        return _varlen(tokens, packing, scaling, grouped)[None], None
    parts = [_rectangle(tokens, rows, scaling, grouped) for rows in packing.rows]
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def _rectangle(tokens: list[Tensor], rows: Rows, scaling: float | None, grouped: bool) -> Tensor:
    """Causal attention of sequences side by side; their padding trails, so no real query sees it."""
    cells = [
        states[rows.start : rows.end] if rows.gather is None else states.index_select(0, rows.gather)
        for states in tokens
    ]
    query, key, value = (
        cell.view(rows.num_rows, rows.length, *cell.shape[1:]).transpose(1, 2) for cell in cells
    )
    attended = scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
    )
    flat = attended.transpose(1, 2).reshape(
        rows.num_rows * rows.length, *attended.shape[1:2], attended.shape[3]
    )
    return flat if rows.keep is None else flat.index_select(0, rows.keep)


def _varlen(tokens: list[Tensor], packing: Packing, scaling: float | None, grouped: bool) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    query, key, value = (states.contiguous() for states in tokens)
    bounds, longest = packing.cu_seqlens, packing.max_length
    options: dict[str, Any] = {"enable_gqa": True} if grouped else {}
    attended = varlen_attn(
        query, key, value, bounds, bounds, longest, longest, scale=scaling, window_size=(-1, 0), **options
    )
    assert isinstance(attended, Tensor)  # the log-sum-exp comes only when asked for
    return attended


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
