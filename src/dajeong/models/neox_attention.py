"""GPT-NeoX's attention over packed tokens with fewer passes over memory: query, key and value leave their
joint product turned, in one step, and come back in one.

The same sums in the same order as transformers' own, bit for bit. Knows one family of models, no role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dajeong.models.attention import attend
from dajeong.models.lora import ForwardState


def turn_in_one_step(trunk: nn.Module, state: ForwardState) -> None:
    """From here on the attention of every layer of a GPT-NeoX does; other families are left as they are."""
    if getattr(trunk.config, "model_type", None) == "gpt_neox":
        for layer in trunk.layers:  # type: ignore[union-attr]
            layer.attention.forward = PackedAttention(layer.attention, layer.attention.forward, state)


class PackedAttention:
    """The attention's forward: packed tokens by ourselves, all else as it was."""

    def __init__(self, attention: Any, whole: Callable[..., Any], state: ForwardState) -> None:
        self._attention, self._whole, self._state = attention, whole, state

    def __call__(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **options: Any) -> Any:
        if self._state.packing is None or attention_mask is not None or options.get("layer_past") is not None:
            return self._whole(hidden_states, attention_mask, **options)
        return self._attention.dense(
            packed(self._attention, hidden_states, *options["position_embeddings"])
        ), None


def packed(attention: Any, hidden: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """hidden (1, T, H), cos and sin (1, T, turned) → (1, T, H), what attention gathers before its own output
    projection.
    """
    joint = attention.query_key_value(hidden)[0].unflatten(-1, (-1, 3, attention.head_size))
    states: tuple[Tensor, ...] = _Turned.apply(joint, cos[0, :, None, None], sin[0, :, None, None])  # type: ignore[no-untyped-call]
    query, key, value = (each.transpose(0, 1)[None] for each in states)
    return attend(attention, query, key, value, None, scaling=attention.scaling)[0].flatten(2)


class _Turned(torch.autograd.Function):
    """joint (T, heads, 3, d), cos and sin (T, 1, 1, turned) → query, key, value, each (T, heads, d); the
    first `turned` places of query and key by their position (Su et al. 2021, eq. 34).
    """

    @staticmethod
    def forward(ctx: Any, joint: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cos, sin)
        size = cos.shape[-1]
        parts = joint.permute(2, 0, 1, 3).contiguous()
        given = joint[:, :, :2, :size]
        first, second = given.chunk(2, dim=-1)
        turned = (given * cos).add_(torch.cat((-second, first), dim=-1).mul_(sin))
        parts[:2, ..., :size] = turned.permute(2, 0, 1, 3)
        return parts.unbind(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        size = cos.shape[-1]
        joint = torch.stack(grads, dim=2)
        given = joint[:, :, :2, :size]
        first, second = (given * sin).chunk(2, dim=-1)
        joint[:, :, :2, :size] = (given * cos).add_(torch.cat((second, -first), dim=-1))
        return joint, None, None
