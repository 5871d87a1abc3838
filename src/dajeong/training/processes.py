"""The processes of one launch: their number, their sums, their lists. Knows nothing of models.

Started by torchrun, `accelerate launch`, `deepspeed`, Slurm or by hand: what counts is their environment,
RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

import torch
from torch import Tensor

from dajeong.errors import EnvironmentProblem
from dajeong.models.runtime import device_of
from dajeong.models.settings import RuntimeSettings

T = TypeVar("T")

BACKEND = "cpu:gloo,cuda:nccl"
"""Counts and objects are summed on the CPU, gradients where they lie."""


class Processes:
    """What all ways of sharing between processes have in common; `name` is what the recipe says."""

    sharded = False

    def __init__(self, name: str) -> None:
        self.name = name
        distributed = torch.distributed
        refuse_other_launch(name)
        if torch.cuda.is_available():
            torch.cuda.set_device(device_of(RuntimeSettings()))
        if not distributed.is_initialized():
            if "RANK" not in os.environ:
                raise EnvironmentProblem("not-launched", parallel=name)
            distributed.init_process_group(BACKEND if torch.cuda.is_available() else "gloo")
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        if self.world != (asked := int(os.environ.get("WORLD_SIZE", "1"))):
            raise EnvironmentProblem("engine-differs", asked=asked, got=self.world)

    def runtime(self, settings: RuntimeSettings) -> RuntimeSettings:
        return settings

    def sum(self, numbers: Tensor) -> Tensor:
        total = numbers.clone()
        torch.distributed.all_reduce(total)
        return total

    def gather(self, items: list[T]) -> list[T]:
        shares: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(shares, items)
        return [item for share in shares for item in share]


def refuse_other_launch(name: str) -> None:
    """Raises EnvironmentProblem where `accelerate launch` was configured for something the recipe does not
    say: it would otherwise run as the recipe says, and its user believe something else.
    """
    asked = launcher_asks()
    if asked is not None and asked != name:
        raise EnvironmentProblem("launcher-differs", asked=asked, parallel=name)


def launcher_asks() -> str | None:
    """What the configuration of `accelerate launch` names, in a recipe's words."""
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return "zero" + os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "?")
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        return "fsdp" + os.environ.get("FSDP_VERSION", "1")
    return None
