"""Attention over packed tokens, registered with transformers under one name. Unmodified model code calls it.

Packed (1, T) forwards attend within each sequence only; a 4-D boolean mask means cached decoding and is
obeyed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from dajeong.errors import EnvironmentProblem
from dajeong.models.blocked_attention import blocked, pays
from dajeong.models.layout import Packing, Rows

NAME = "dajeong"
BEYOND_US = ("softcap", "s_aux", "sinks", "position_bias", "indices", "block_indices")
"""What some architectures hand to their attention and ours would silently leave out."""


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """query (B, heads, L, d), key and value (B, key heads, K, d) → (B, L, heads, d).

    The packing comes from `module.forward_state`, which `RoleModel` hangs on every module of its base. With
    `sliding_window`, a token sees itself and the window − 1 before it. Raises EnvironmentProblem for
    attention that takes more than this.
    """
    if any(others.get(name) is not None for name in BEYOND_US):
        model = getattr(getattr(module, "config", None), "name_or_path", "")
        raise EnvironmentProblem("attention-fixed", model=model, family=type(module).__name__)
    if attention_mask is not None:
        mask = _near(attention_mask, sliding_window)
        grouped = key.shape[1] != query.shape[1]
        attended = scaled_dot_product_attention(query, key, value, mask, scale=scaling, enable_gqa=grouped)
        return attended.transpose(1, 2), None
    packing: Packing | None = module.forward_state.packing  # type: ignore[union-attr, assignment]
    if packing is None:
        return _causal(query, key, value, scaling, sliding_window).transpose(1, 2), None
    tokens = [states[0].transpose(0, 1) for states in (query, key, value)]  # each (T, heads, d)
    if on_gpu(query):
        return _varlen(tokens, packing, scaling, sliding_window)[None], None
    parts = [_rectangle(tokens, rows, scaling, sliding_window) for rows in packing.rows]
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def on_gpu(query: Tensor) -> bool:
    """Whether the variable-length kernel can be had: it knows CUDA and half precision."""
    return query.is_cuda and query.dtype in (torch.float16, torch.bfloat16)


def _near(mask: Tensor, window: int | None) -> Tensor:
    """Of the columns that each query may attend to, the last `window`; columns stand in order of time."""
    if window is None or mask.shape[-1] <= window:
        return mask
    return mask & (mask.flip(-1).cumsum(-1).flip(-1) <= window)


def _causal(query: Tensor, key: Tensor, value: Tensor, scaling: float | None, window: int | None) -> Tensor:
    """As many queries as keys; or a single query, which sees every key."""
    if window is None and pays(query, key):
        return blocked(query, key, value, scaling)
    grouped = key.shape[1] != query.shape[1]
    length, width = query.shape[2], key.shape[2]
    mask = None
    if window is not None and width > window:
        behind = torch.arange(width - length, width, device=query.device)[:, None]
        behind = behind - torch.arange(width, device=query.device)
        mask = (behind >= 0) & (behind < window)
    return scaled_dot_product_attention(
        query, key, value, mask, is_causal=mask is None and length > 1, scale=scaling, enable_gqa=grouped
    )


def _rectangle(tokens: list[Tensor], rows: Rows, scaling: float | None, window: int | None) -> Tensor:
    """Causal attention of sequences side by side; their padding trails, so no real query sees it."""
    cells = [_cells(states, rows) for states in tokens]
    query, key, value = (
        cell.view(rows.num_rows, rows.length, *cell.shape[1:]).transpose(1, 2) for cell in cells
    )
    attended = _causal(query, key, value, scaling, window)
    flat = attended.transpose(1, 2).reshape(
        rows.num_rows * rows.length, *attended.shape[1:2], attended.shape[3]
    )
    return flat if rows.keep is None else flat.index_select(0, rows.keep)


def _cells(states: Tensor, rows: Rows) -> Tensor:
    if rows.gather is not None:
        gathered: Tensor = _Gathered.apply(states, rows)  # type: ignore[no-untyped-call]
        return gathered
    # a slice of everything would cost a copy and a zeroed tensor on the way back
    return states if rows.end - rows.start == len(states) else states[rows.start : rows.end]


class _Gathered(torch.autograd.Function):
    """states (T, …) → the cells of a rectangle. On the way back a kept cell is copied, not added, to its
    token; padding carries no gradient.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Rows) -> Tensor:
        assert rows.gather is not None
        ctx.rows, ctx.count = rows, len(states)
        return states.index_select(0, rows.gather)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        rows: Rows = ctx.rows
        assert rows.keep is not None and rows.gather is not None
        kept = grad.index_select(0, rows.keep)
        if rows.end - rows.start == ctx.count:
            total = kept
        else:
            total = grad.new_zeros(ctx.count, *grad.shape[1:])
            total[rows.start : rows.end] = kept
        if rows.again is not None:
            total.index_add_(0, rows.gather[rows.again], grad.index_select(0, rows.again))
        return total, None


def _varlen(tokens: list[Tensor], packing: Packing, scaling: float | None, window: int | None) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    if packing.shared is not None:
        own, cells = (torch.from_numpy(each).to(packing.device) for each in packing.shared)
        tokens = [states.index_select(0, cells) for states in tokens]
    query, key, value = (states.contiguous() for states in tokens)
    bounds, longest = packing.cu_seqlens, packing.max_length
    options: dict[str, Any] = {"enable_gqa": True} if key.shape[1] != query.shape[1] else {}
    before = -1 if window is None else window - 1
    attended = varlen_attn(
        query, key, value, bounds, bounds, longest, longest, scale=scaling, window_size=(before, 0), **options
    )
    assert isinstance(attended, Tensor)  # the log-sum-exp comes only when asked for
    return attended if packing.shared is None else attended.index_select(0, own)


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
