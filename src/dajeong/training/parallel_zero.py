"""DeepSpeed's ZeRO: gradients and what AdamW remembers lie in parts (`zero2`), with `zero3` all weights, too.

The loop's own division, rates, clipping and checkpoints stay; DeepSpeed is what moves the parts. Knows no
algorithm, and of DeepSpeed what `parallel_zero_engine.py` makes of it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.roles import RoleModel
from dajeong.models.runtime import device_of, dtype_of
from dajeong.models.settings import RuntimeSettings
from dajeong.training.deepspeed_here import deepspeed_here
from dajeong.training.optimizer import Optimizer, owned
from dajeong.training.parallel import Shared
from dajeong.training.parallel_zero_engine import Engine
from dajeong.training.processes import Processes
from dajeong.training.settings import OptimizerSettings


class Zero(Processes):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sharded = name == "zero3"
        self._deepspeed = deepspeed_here()
        self._offload = False

    def runtime(self, settings: RuntimeSettings) -> RuntimeSettings:
        """With ZeRO-3 on the CPU, in the type of the card: what does not fit a card comes to it in parts.

        Raises EnvironmentProblem for a quantised base, whose numbers cannot be cut, and where ZeRO-2 would
        bring an offloaded base back.
        """
        if settings.quantised:
            raise EnvironmentProblem("sharded-quantised", parallel=self.name)
        if not self.sharded and settings.offload:
            raise EnvironmentProblem("offload-kept", parallel=self.name)
        if not self.sharded:
            return settings
        dtype = str(dtype_of(settings, device_of(settings))).removeprefix("torch.")
        self._offload = settings.offload == "base"
        return settings.model_copy(update={"device": "cpu", "dtype": dtype, "offload": None})

    def share(self, models: Mapping[str, RoleModel], groups: Mapping[str, OptimizerSettings]) -> Shared:
        stage, deepspeed = 3 if self.sharded else 2, self._deepspeed
        engines = {
            name: Engine(model, groups, stage, deepspeed, offload=self._offload)
            for name, model in models.items()
        }
        return _InParts(self, models, engines, groups)


class _InParts:
    """Models in DeepSpeed's hands."""

    def __init__(
        self,
        parallel: Zero,
        models: Mapping[str, RoleModel],
        engines: Mapping[str, Engine],
        groups: Mapping[str, OptimizerSettings],
    ) -> None:
        self._engines = engines
        self.wrapped: Mapping[str, nn.Module] = {name: each.wrapped for name, each in engines.items()}
        self.optimizer = ZeroSteps(parallel, models, engines, groups)

    @contextlib.contextmanager
    def accumulating(self, model: str, last: bool) -> Iterator[None]:
        self._engines[model].last(last)
        yield

    def backward(self, model: str, loss: Tensor) -> None:
        self._engines[model].backward(loss)


class ZeroSteps(Optimizer):
    """Clips and moves every role, of which this process holds a part."""

    def __init__(
        self,
        parallel: Zero,
        models: Mapping[str, RoleModel],
        engines: Mapping[str, Engine],
        groups: Mapping[str, OptimizerSettings],
    ) -> None:
        self._remember({role: owned(models, role) for role in groups}, groups)
        self._parallel, self._engines = parallel, engines

    def _clip(self, role: str) -> float:
        """Scale the gradient to the role's largest norm; returns its norm over all processes."""
        parts = [part for engine in self._engines.values() for part in engine.gradients(role)]
        squares = sum(
            (part.double().square().sum().cpu() for part in parts), torch.zeros((), dtype=torch.float64)
        )
        norm = math.sqrt(float(self._parallel.sum(squares)))
        scale = min(1.0, self.settings[role].max_grad_norm / (norm + 1e-6))
        for part in parts:
            part.mul_(scale)
        return norm

    def _rate(self, role: str, rate: float) -> None:
        for engine in self._engines.values():
            engine.rate(role, rate)

    def _move(self) -> None:
        for engine in self._engines.values():
            engine.move()

    def drop_gradients(self) -> None:
        for engine in self._engines.values():
            engine.forget()

    def _moments(self, name: str, parameter: nn.Parameter) -> Mapping[str, Tensor]:
        return self._engine(name).moments(parameter)

    def _put(self, name: str, parameter: nn.Parameter, value: Tensor, moments: Mapping[str, Tensor]) -> None:
        self._engine(name).put(parameter, value, moments)

    def _engine(self, name: str) -> Engine:
        """Of a weight named ROLE/MODEL/NAME."""
        return self._engines[name.split("/")[1]]
