"""torch DistributedDataParallel: every process holds all weights, the gradients of what trains are averaged.

The default for adapters on cards that hold the base: rollouts are each process's own, nothing is gathered.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.roles import RoleModel
from dajeong.training.parallel import Replicas, Shared
from dajeong.training.processes import Processes
from dajeong.training.settings import OptimizerSettings


class Ddp(Processes):
    def __init__(self) -> None:
        super().__init__("ddp")

    def share(self, models: Mapping[str, RoleModel], groups: Mapping[str, OptimizerSettings]) -> Shared:
        return _Averaged(models, {name: self._wrap(model) for name, model in models.items()}, groups)

    def _wrap(self, model: nn.Module) -> nn.Module:
        wrapped = nn.parallel.DistributedDataParallel(model, **_constant_buffers())
        if (got := wrapped.process_group.size()) != self.world:
            raise EnvironmentProblem("engine-differs", asked=self.world, got=got)
        return wrapped


class _Averaged(Replicas):
    @contextlib.contextmanager
    def accumulating(self, model: str, last: bool) -> Iterator[None]:
        """Gradients are exchanged only inside the last micro-batch of an update."""
        wrapped: Any = self.wrapped[model]
        with contextlib.nullcontext() if last else wrapped.no_sync():
            yield


def _constant_buffers() -> dict[str, Any]:
    """Tables of positions never change, so no forward need send them; newer torch renames the option."""
    known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}
