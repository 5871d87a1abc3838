"""A weight as one tensor, wherever its parts lie. Knows what ways of sharing make of a parameter, no role.

Where weights lie in parts on several processes, all of them must call these together, in the same order.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn


def whole(weight: Tensor) -> Tensor:
    """All of `weight`: itself where it is whole already, else gathered, the same on every process."""
    if _is_partitioned(weight):
        with _gathered(weight):
            return weight.detach().clone()
    weight = weight.detach()
    return weight.full_tensor() if _is_distributed(weight) else weight  # type: ignore[attr-defined]


@torch.no_grad()
def put(weight: Tensor, value: Tensor) -> None:
    """Give `weight` the values of a whole tensor, the same on every process."""
    if _is_partitioned(weight):
        with _gathered(weight, modifier_rank=0):
            weight.data.copy_(value)
        return
    if not _is_distributed(weight):
        weight.copy_(value)
        return
    from torch.distributed.tensor import distribute_tensor

    value = value.to(device=weight.device, dtype=weight.dtype)
    mesh, places = weight.device_mesh, weight.placements  # type: ignore[attr-defined]
    weight.copy_(distribute_tensor(value, mesh, places, src_data_rank=None))  # each process has the value


def shape_of(weight: Tensor) -> torch.Size:
    """The shape of all of `weight`."""
    return torch.Size(weight.ds_shape) if _is_partitioned(weight) else weight.shape  # type: ignore[attr-defined]


def in_parts(model: nn.Module) -> bool:
    """Whether weights of `model` lie on several processes, so that every forward needs them all."""
    return any(_is_distributed(each) or _is_partitioned(each) for each in model.parameters())


def reading(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Forwards whose results nobody learns from. What gathers weights keeps its room for training, too, and
    so must not make it in torch's inference mode.
    """
    return torch.no_grad() if in_parts(model) else torch.inference_mode()


def _is_distributed(weight: Tensor) -> bool:
    # by the name of what only such a tensor has: importing its module takes a second
    return hasattr(weight, "full_tensor")


def _is_partitioned(weight: Tensor) -> bool:
    """By DeepSpeed's ZeRO-3."""
    return hasattr(weight, "ds_id")


def _gathered(weight: Tensor, **options: Any) -> contextlib.AbstractContextManager[None]:
    import deepspeed

    gathered: contextlib.AbstractContextManager[None] = deepspeed.zero.GatheredParameters([weight], **options)
    return gathered
