"""A decoding step of GPT-NeoX by hand: the arithmetic of transformers' model in fewer, larger products.

For small float32 models on the CPU, where calls and fresh memory cost as much as products. Normalisation
weights and one role's adapter are folded into a copy of the weights, made anew for every call of `generate`
and so never stale. Equal to the model within rounding; prompts are read by the model itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from dajeong.models.lora import RoleLinear
from dajeong.models.roles import RoleModel
from dajeong.rollout.cache import SlotCache

LARGEST = 100_000_000
"""Parameters above which products take nearly all the time, and a second copy would be felt."""


class _Layer(NamedTuple):
    """Folded weights, (in, out)."""

    into: Tensor
    """Query, key, value and the MLP's first layer, side by side."""
    into_bias: Tensor
    attended: Tensor
    activated: Tensor
    bias: Tensor


def fits(model: RoleModel) -> bool:
    """Whether the step below computes what `model` does, and faster."""
    config, parameters = model.config, sum(parameter.numel() for parameter in model.base.parameters())
    return (
        config.model_type == "gpt_neox"
        and config.use_parallel_residual
        and config.hidden_act == "gelu"
        and model.trunk.rotary_emb.rope_type == "default"  # type: ignore[union-attr]
        and model.device.type == "cpu"
        and all(parameter.dtype == torch.float32 for parameter in model.base.parameters())
        and parameters <= LARGEST
    )


class NeoxStep:
    """Reads one token per row and answers with the logits of the next."""

    def __init__(self, model: RoleModel) -> None:
        self.model = model
        trunk: Any = model.trunk
        config: Any = model.config
        self.embedding: nn.Embedding = trunk.embed_in
        self.final: nn.LayerNorm = trunk.final_layer_norm
        self.heads, self.width = int(config.num_attention_heads), int(config.hidden_size)
        self.head_width = self.width // self.heads
        self.inner = int(config.intermediate_size)
        self.layers = [self._empty(layer) for layer in trunk.layers]
        places = torch.arange(int(config.max_position_embeddings))[None]
        cos, sin = trunk.rotary_emb(torch.zeros(1), places)
        self.turned = cos.shape[-1]
        sign = torch.ones(self.turned)
        sign[: self.turned // 2] = -1  # so that rotating by half a turn is a roll
        self.cos, self.sin = cos[0], sin[0] * sign
        self.head = torch.empty(self._head_weight().shape[::-1])
        self.rows = self.columns = 0

    def _empty(self, layer: Any) -> _Layer:
        width, joint = self.width, 3 * self.width + self.inner
        return _Layer(
            torch.empty(width, joint),
            torch.empty(joint),
            torch.empty(width, width),
            torch.empty(self.inner, width),
            torch.empty(width),
        )

    def fold(self, role: str | None) -> None:
        """Take over the model's weights as they are now, with the adapter of `role`."""
        trunk: Any = self.model.trunk
        for layer, folded in zip(trunk.layers, self.layers, strict=True):
            joint = 3 * self.width
            self._fold_into(
                folded, slice(0, joint), layer.attention.query_key_value, layer.input_layernorm, role
            )
            self._fold_into(
                folded, slice(joint, None), layer.mlp.dense_h_to_4h, layer.post_attention_layernorm, role
            )
            for part in (folded.into[:, :joint], folded.into_bias[None, :joint]):
                part.view(-1, self.heads, 3, self.head_width)[:, :, 0].mul_(self.head_width**-0.5)
            attended, first = effective(layer.attention.dense, role)
            activated, second = effective(layer.mlp.dense_4h_to_h, role)
            folded.attended.copy_(attended.T)
            folded.activated.copy_(activated.T)
            folded.bias.copy_(first + second)
        self.head.copy_(self._head_weight().T)

    def _head_weight(self) -> Tensor:
        weight: Tensor = self.model.head.weight  # type: ignore[assignment]
        return weight

    @staticmethod
    def _fold_into(
        folded: _Layer, place: slice, linear: nn.Module, norm: nn.LayerNorm, role: str | None
    ) -> None:
        weight, bias = effective(linear, role)
        turned = torch.empty(weight.shape[::-1]).copy_(
            weight.T
        )  # a whole matrix is turned faster than a part
        torch.mul(turned, norm.weight[:, None], out=folded.into[:, place])
        torch.addmv(bias, weight, norm.bias, out=folded.into_bias[place])

    def reserve(self, rows: int, columns: int) -> None:
        """Room for the results of a step, made once: fresh pages cost more than some of the products."""
        if rows <= self.rows and columns <= self.columns:
            return
        self.rows, self.columns = max(rows, self.rows), max(columns, self.columns)
        self._into = torch.empty(self.rows, 3 * self.width + self.inner)
        self._active = torch.empty(self.rows, self.inner)
        self._attended = torch.empty(self.rows * self.heads, 1, self.head_width)
        self._scores = torch.empty(2, self.rows * self.heads * self.columns)
        self._logits = torch.empty(self.rows, self.head.shape[1])

    def logits(self, tokens: Tensor, positions: Tensor, cache: SlotCache) -> Tensor:
        """tokens and positions (rows,) → (rows, V), good until the next step; the cache expects this step."""
        rows = len(tokens)
        self.reserve(rows, cache.columns)
        hidden = self.embedding(tokens)
        cos, sin = self.cos[positions][:, None, None], self.sin[positions][:, None, None]
        unseen = None if cache.mask is None else ~cache.mask[:, 0]
        for number, layer in enumerate(self.layers):
            self._layer(number, layer, hidden, cos, sin, cache, unseen)
        return torch.mm(self.final(hidden), self.head, out=self._logits[:rows])

    def _layer(
        self,
        number: int,
        layer: _Layer,
        hidden: Tensor,
        cos: Tensor,
        sin: Tensor,
        cache: SlotCache,
        unseen: Tensor | None,
    ) -> None:
        """hidden (rows, H) += attention(hidden) + MLP(hidden), in place."""
        rows = len(hidden)
        normed = functional.layer_norm(hidden, (self.width,), eps=self.final.eps)
        joint = torch.addmm(layer.into_bias, normed, layer.into, out=self._into[:rows])
        states = joint[:, : 3 * self.width].view(rows, self.heads, 3, self.head_width)
        turning = states[:, :, :2, : self.turned]
        torch.addcmul(turning * cos, turning.roll(self.turned // 2, -1), sin, out=turning)
        keys, values = cache.update(states[:, :, 1:2], states[:, :, 2:3], number)
        attended = self._attend(states[:, :, 0], keys, values, unseen)
        active = self._active[:rows]
        functional.gelu(joint[:, 3 * self.width :], out=active)  # type: ignore[call-arg]
        hidden.addmm_(attended, layer.attended).addmm_(active, layer.activated).add_(layer.bias)

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor, unseen: Tensor | None) -> Tensor:
        """queries (rows, heads, d), keys and values (rows, heads, K, d) → (rows, H)."""
        rows, _, columns, _ = keys.shape
        lines, size = rows * self.heads, rows * self.heads * columns
        scores = self._scores[0, :size].view(lines, 1, columns)
        shares = self._scores[1, :size].view(lines, 1, columns)
        torch.bmm(queries.reshape(lines, 1, self.head_width), keys.flatten(0, 1).transpose(1, 2), out=scores)
        if unseen is not None:
            scores.view(rows, self.heads, columns).masked_fill_(unseen, -torch.inf)
        torch.softmax(scores, -1, out=shares)
        attended = self._attended[:lines]
        torch.bmm(shares, values.flatten(0, 1), out=attended)
        return attended.view(rows, self.width)


def effective(linear: nn.Module, role: str | None) -> tuple[Tensor, Tensor]:
    """Weight (out, in) and bias (out,) of a linear layer as `role` uses it."""
    base: Any = linear.base if isinstance(linear, RoleLinear) else linear
    weight = base.weight
    if isinstance(linear, RoleLinear) and role is not None and role in linear.scale:
        weight = torch.addmm(weight, linear.B[role], linear.A[role], alpha=linear.scale[role])
    return weight, base.bias if base.bias is not None else weight.new_zeros(weight.shape[0])
