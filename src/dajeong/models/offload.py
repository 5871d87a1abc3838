"""A frozen base in main memory: the weights of a block come to the card while it works, and leave again.

For cards that hold the activations but not the base. Adapters, embeddings and heads stay on the card. Knows
blocks of transformers, no role.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.checkpointing import blocks_of

Place = tuple[nn.Module, str, Tensor]
"""A module, the name of its weight, the weight in main memory."""


def spread(network: nn.Module, trunk: nn.Module, device: torch.device) -> None:
    """Move all but the blocks' weights to `device`; these stay, pinned where that makes copies fast."""
    blocks = blocks_of(trunk)
    if not blocks:
        raise EnvironmentProblem("checkpointing-unknown", family=type(trunk).__name__)
    behind = {id(parameter) for block in blocks for parameter in block.parameters()}
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in behind:
                setattr(module, name, nn.Parameter(parameter.to(device), requires_grad=False))
            elif device.type == "cuda":
                parameter.data = parameter.data.pin_memory()
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))


def stream(trunk: nn.Module, device: torch.device) -> None:
    """From here on every block of `trunk` works on `device`. Before it is checkpointed: what is computed
    again on the way back needs its weights again.
    """
    for block in blocks_of(trunk):
        block.forward = Streamed(block, block.forward, device)


class Streamed:
    """The forward of one block, its weights fetched for it."""

    def __init__(self, block: nn.Module, forward: Callable[..., Any], device: torch.device) -> None:
        self._forward, self._device = forward, device
        self._places: list[Place] = [
            (module, name, parameter)
            for module in block.modules()
            for name, parameter in module.named_parameters(recurse=False)
        ]

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        with self._here():
            return self._forward(*inputs, **options)

    @contextlib.contextmanager
    def _here(self) -> Iterator[None]:
        # other tensors, not other data: what a backward has saved must stay what it was
        for module, name, weight in self._places:
            near = weight.detach().to(self._device, non_blocking=True)
            module._parameters[name] = nn.Parameter(near, requires_grad=False)
        try:
            yield
        finally:
            for module, name, weight in self._places:
                module._parameters[name] = weight  # type: ignore[assignment]
