"""The last layer of GPT-NeoX, for the tokens somebody asks about. Knows one family of models, no algorithm.

Behind its attention a layer works token by token, and nothing reads what the last one says of the others:
three quarters of its products fall away there. Keys and values are still those of all tokens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from dajeong.models.layout import Layout
from dajeong.models.lora import ForwardState
from dajeong.models.neox_attention import packed


def narrow_last_layer(trunk: nn.Module, state: ForwardState) -> bool:
    """Teach the last layer of `trunk` to leave tokens out; whether the family is one we can teach."""
    if getattr(trunk.config, "model_type", None) != "gpt_neox":
        return False
    layer: Any = trunk.layers[-1]  # type: ignore[index]
    layer.forward = LastLayer(layer, layer.forward, state)
    return True


class LastLayer:
    """The layer's forward: (1, T, H) → (1, N, H) where the layout names N tokens, else as it was."""

    def __init__(self, layer: Any, whole: Callable[..., Tensor], state: ForwardState) -> None:
        self._layer, self._whole, self._state = layer, whole, state

    def __call__(self, hidden_states: Tensor, *others: Any, **options: Any) -> Tensor:
        last = self._state.layout.last
        if last is None:
            return self._whole(hidden_states, *others, **options)
        normed = self._layer.input_layernorm(hidden_states)
        attended = packed(self._layer.attention, normed, *options["position_embeddings"])
        with self._under(last.layout):
            return self._rest(
                hidden_states.index_select(1, last.tokens), attended.index_select(1, last.tokens)
            )

    def _rest(self, hidden: Tensor, attended: Tensor) -> Tensor:
        layer = self._layer
        attended = layer.attention.dense(attended)
        if layer.use_parallel_residual:
            return layer.mlp(layer.post_attention_layernorm(hidden)) + attended + hidden  # type: ignore[no-any-return]
        hidden = attended + hidden
        return layer.mlp(layer.post_attention_layernorm(hidden)) + hidden  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _under(self, layout: Layout) -> Iterator[None]:
        before = self._state.layout
        self._state.layout = layout
        try:
            yield
        finally:
            self._state.layout = before
