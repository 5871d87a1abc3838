"""How several processes share one training: alone, or torch DDP. Knows models and numbers, no algorithm.

The engine asked for is the one obtained, or the run does not start.
"""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem

T = TypeVar("T")


class Parallel(Protocol):
    rank: int
    world: int

    def wrap(self, model: nn.Module) -> nn.Module:
        """The module whose forward synchronises gradients."""

    def sum(self, numbers: Tensor) -> Tensor:
        """Element-wise sum over all processes."""

    def gather(self, items: list[T]) -> list[T]:
        """Every process's items, in rank order."""

    def accumulating(self, wrapped: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
        """Gradients are exchanged only inside the last micro-batch of an update."""


class Single:
    """One process."""

    rank, world = 0, 1

    def wrap(self, model: nn.Module) -> nn.Module:
        return model

    def sum(self, numbers: Tensor) -> Tensor:
        return numbers

    def gather(self, items: list[T]) -> list[T]:
        return items

    def accumulating(self, wrapped: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Ddp:
    """torch DistributedDataParallel: the frozen base is replicated, adapter gradients are averaged."""

    def __init__(self) -> None:
        distributed = torch.distributed
        if not distributed.is_initialized():
            if "RANK" not in os.environ:
                raise EnvironmentProblem("not-launched", parallel="ddp")
            # counts and objects are summed on the CPU, gradients where they lie
            distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        if self.world != (asked := int(os.environ.get("WORLD_SIZE", "1"))):
            raise EnvironmentProblem("engine-differs", asked=asked, got=self.world)

    def wrap(self, model: nn.Module) -> nn.Module:
        wrapped = nn.parallel.DistributedDataParallel(model, **_constant_buffers())
        assert wrapped.process_group.size() == self.world
        return wrapped

    def sum(self, numbers: Tensor) -> Tensor:
        total = numbers.clone()
        torch.distributed.all_reduce(total)
        return total

    def gather(self, items: list[T]) -> list[T]:
        shares: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(shares, items)
        return [item for share in shares for item in share]

    @contextlib.contextmanager
    def accumulating(self, wrapped: nn.Module, last: bool) -> Iterator[None]:
        with contextlib.nullcontext() if last else wrapped.no_sync():  # type: ignore[operator]
            yield


def _constant_buffers() -> dict[str, Any]:
    """Tables of positions never change, so no forward need send them; newer torch renames the option."""
    known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}


def parallel_of(name: str) -> Parallel:
    """The engine a recipe names. Raises EnvironmentProblem where the launch does not fit it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if name == "single":
        if world > 1:
            raise EnvironmentProblem("launched-many", world=world)
        return Single()
    return Ddp()
