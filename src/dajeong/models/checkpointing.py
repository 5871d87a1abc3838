"""Gradient checkpointing: a layer keeps its input and computes the rest again on the way back.

The layout of the forward is taken along. Between a forward and its backward other forwards may run, and they
leave another layout behind. Knows layers of transformers, no adapter and no algorithm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from dajeong.errors import EnvironmentProblem
from dajeong.models.lora import ForwardState


def checkpoint_layers(trunk: nn.Module, state: ForwardState) -> None:
    """From here on every block of `trunk` is checkpointed wherever gradients are wanted."""
    blocks = blocks_of(trunk)
    if not blocks:
        raise EnvironmentProblem("checkpointing-unknown", family=type(trunk).__name__)
    for block in blocks:
        block.forward = Recomputed(block.forward, state)


def blocks_of(trunk: nn.Module) -> list[nn.Module]:
    """The transformer blocks, outermost ones only."""
    found: dict[str, nn.Module] = {}
    for name, module in trunk.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, GradientCheckpointingLayer) and not inside:
            found[name] = module
    return list(found.values())


class Recomputed:
    """The forward of one block; what it needs again later is its input and the layout of now."""

    def __init__(self, forward: Callable[..., Any], state: ForwardState) -> None:
        self._forward, self._state = forward, state

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return self._forward(*inputs, **options)
        return checkpoint(self._forward, *inputs, use_reentrant=False, context_fn=self._contexts, **options)

    def _contexts(
        self,
    ) -> tuple[contextlib.AbstractContextManager[None], contextlib.AbstractContextManager[None]]:
        return contextlib.nullcontext(), self._as_then(self._state.layout, self._state.packing)

    @contextlib.contextmanager
    def _as_then(self, layout: Any, packing: Any) -> Iterator[None]:
        state = self._state
        now = state.layout, state.packing
        state.layout, state.packing = layout, packing
        try:
            yield
        finally:
            state.layout, state.packing = now
