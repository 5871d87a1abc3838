"""How several processes share one training: what the loop asks of any way to do it, and one process alone.

What was asked for is what runs, or the run does not start. A way to share is a class below, in a file of its
own: `parallel_ddp.py`, `parallel_fsdp2.py`, `parallel_zero.py`. Knows models and numbers, no algorithm.

What a way to share must see to:

- `share` is called once, on every process, after frozen weights were digested and before the first update.
  Every model is a `RoleModel` whose roles and heads are complete. From then on `parameters_of(role)` gives
  what trains now, and `models.whole` reads and fills it, wherever its parts lie.
- The gradient that `step` sees is the mean over processes: the loop has multiplied every loss by `world`.
- `step` clips by `OptimizerSettings.max_grad_norm`, role by role, with norms over all processes; a way that
  knows one global norm only refuses settings that differ between roles. No clipping of its own, ever.
- Roles outside `trains` get rate 0, and their weights keep their bytes.
- `tensors` and `restore` speak of whole tensors by role and name, as `Optimizer` does: a checkpoint does not
  say how many processes wrote it. All processes call both.
- Weights in parts (`sharded`): a forward needs every process. `lockstep.py` sees to that for forwards of
  which one process has more than another; it needs nothing but that `RoleModel.forward`, `hidden` and
  `logits` work on every process, with gradients and without.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.roles import RoleModel
from dajeong.models.settings import RuntimeSettings
from dajeong.records import Frozen
from dajeong.training.optimizer import Optimizer, owned
from dajeong.training.settings import OptimizerSettings
from dajeong.training.spikes import Spike, Spikes

T = TypeVar("T")
S = TypeVar("S", bound=Frozen)


class Steps(Protocol):
    """What moves the weights; `Optimizer` is one."""

    spikes: Spikes
    left_out: Spike | None

    def step(self, progress: float, trains: Iterable[str]) -> tuple[dict[str, float], dict[str, float]]:
        """Clip and move; the same (gradient norm, rate) per role on every process. Forgets the gradients."""

    def drop_gradients(self) -> None: ...

    def tensors(self) -> dict[str, Tensor]:
        """Whole tensors: `parameter/ROLE/NAME`, `step/…`, `exp_avg/…`, `exp_avg_sq/…`."""

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Raises KeyError on a name that is missing, unexpected or of another shape."""


class Shared(Protocol):
    """Models that train together."""

    wrapped: Mapping[str, nn.Module]
    """Name → what a training forward is called on, with a TokenBatch."""

    @property
    def optimizer(self) -> Steps: ...

    def accumulating(self, model: str, last: bool) -> contextlib.AbstractContextManager[None]:
        """Around the forward and backward of one micro-batch; `last`: the update's last one of this model."""

    def backward(self, model: str, loss: Tensor) -> None:
        """Inside `accumulating`; the model is the one whose forward gave `loss`."""


class Parallel(Protocol):
    name: str
    rank: int
    world: int
    sharded: bool
    """Whether frozen and trained weights lie in parts: then every process runs the same forwards, saves
    included, and only rank 0 writes.
    """

    def runtime(self, settings: RuntimeSettings) -> RuntimeSettings:
        """Where the weights are loaded to; what is sharded comes to its device in parts."""

    def share(self, models: Mapping[str, RoleModel], groups: Mapping[str, OptimizerSettings]) -> Shared:
        """Wrap every model and make what moves the roles of `groups`."""

    def sum(self, numbers: Tensor) -> Tensor:
        """Element-wise sum over all processes; numbers lie on the CPU."""

    def gather(self, items: list[T]) -> list[T]:
        """Every process's items, in rank order."""


class Replicas:
    """Models whose weights every process holds whole, or in parts that AdamW steps in place."""

    def __init__(
        self,
        models: Mapping[str, RoleModel],
        wrapped: Mapping[str, nn.Module],
        groups: Mapping[str, OptimizerSettings],
    ) -> None:
        self.wrapped = wrapped
        self.optimizer = Optimizer({role: owned(models, role) for role in groups}, groups)

    def accumulating(self, model: str, last: bool) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def backward(self, model: str, loss: Tensor) -> None:
        loss.backward()


class Single:
    """One process."""

    name, rank, world, sharded = "single", 0, 1, False

    def runtime(self, settings: RuntimeSettings) -> RuntimeSettings:
        return settings

    def share(self, models: Mapping[str, RoleModel], groups: Mapping[str, OptimizerSettings]) -> Shared:
        return Replicas(models, models, groups)

    def sum(self, numbers: Tensor) -> Tensor:
        return numbers

    def gather(self, items: list[T]) -> list[T]:
        return items


def saves(parallel: Parallel) -> bool:
    """Whether this process takes part in a save: the first one; all, where weights lie in parts."""
    return parallel.rank == 0 or parallel.sharded


def placed(settings: S, parallel: Parallel) -> S:
    """The settings, with a base that is loaded to where it is shared from."""
    runtime = parallel.runtime(settings.runtime)  # type: ignore[attr-defined]
    return settings.model_copy(update={"runtime": runtime})


def parallel_of(name: str) -> Parallel:
    """The way to share that a recipe names. Raises EnvironmentProblem where the launch does not fit it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if name == "single":
        if world > 1:
            raise EnvironmentProblem("launched-many", world=world)
        return Single()
    if name == "ddp":
        from dajeong.training.parallel_ddp import Ddp

        return Ddp()
    if name in ("zero2", "zero3"):
        from dajeong.training.parallel_zero import Zero

        return Zero(name)
    from dajeong.training.parallel_fsdp2 import Fsdp2

    return Fsdp2()
