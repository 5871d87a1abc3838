"""AdamW with one group per role, its schedule, its clipping, and what it leaves out. State goes in and out by
parameter name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from dajeong.errors import UsageProblem
from dajeong.models.roles import RoleModel
from dajeong.models.whole import put, shape_of, whole
from dajeong.training.settings import OptimizerSettings
from dajeong.training.spikes import Spike, Spikes

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def rate_at(progress: float, settings: OptimizerSettings) -> float:
    """Learning rate at `progress` in [0, 1): linear rise, then cosine, linear or no fall to `final_ratio`."""
    if progress < settings.warmup_ratio:
        return settings.learning_rate * progress / settings.warmup_ratio
    done = (progress - settings.warmup_ratio) / (1 - settings.warmup_ratio)
    fall = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[
        settings.schedule
    ]
    return settings.learning_rate * (settings.final_ratio + (1 - settings.final_ratio) * fall)


def refuse_all_warmup(num_updates: int, settings: OptimizerSettings, step: str) -> None:
    """Raises UsageProblem where the rate would never reach its peak."""
    warmup = math.ceil(settings.warmup_ratio * num_updates)
    if warmup >= num_updates:
        raise UsageProblem("all-warmup", step=step, updates=num_updates, warmup=warmup)


def owned(models: Mapping[str, RoleModel], role: str) -> dict[str, nn.Parameter]:
    """MODEL/NAME → parameter of everything `role` owns on any of the models."""
    return {
        f"{name}/{parameter_name}": parameter
        for name, model in models.items()
        for parameter_name, parameter in model.parameters_of(role).items()
    }


class Optimizer:
    """Steps every role of `parameters` under its own settings."""

    def __init__(
        self, parameters: Mapping[str, Mapping[str, nn.Parameter]], settings: Mapping[str, OptimizerSettings]
    ) -> None:
        self._remember(parameters, settings)
        groups = [
            {
                "params": list(owned.values()),
                "weight_decay": settings[role].weight_decay,
                "betas": settings[role].betas,
                "eps": settings[role].epsilon,
            }
            for role, owned in parameters.items()
        ]
        self._adamw = torch.optim.AdamW(groups, lr=0.0, fused=_fusable(parameters))

    def _remember(
        self, parameters: Mapping[str, Mapping[str, nn.Parameter]], settings: Mapping[str, OptimizerSettings]
    ) -> None:
        self.parameters, self.settings = parameters, settings
        self.spikes = Spikes({role: each.spikes for role, each in settings.items() if each.spikes})
        self.left_out: Spike | None = None
        """Why the last step moved nothing, where the settings let it be left out."""

    def step(self, progress: float, trains: Iterable[str]) -> tuple[dict[str, float], dict[str, float]]:
        """Clip and move; roles outside `trains` get rate 0. Returns (gradient norm, rate) per role.

        Nothing moves where a norm is not finite, or leaps.
        """
        moving = set(trains)
        norms, rates = {}, {}
        for role, settings in self.settings.items():
            norms[role] = self._clip(role)
            rates[role] = rate_at(progress, settings) if role in moving else 0.0
            self._rate(role, rates[role])
        self.left_out = self.spikes.judge(norms)
        if self.left_out:
            rates = dict.fromkeys(rates, 0.0)
        elif all(math.isfinite(norm) for norm in norms.values()):
            self._move()
        self.drop_gradients()
        return norms, rates

    def _clip(self, role: str) -> float:
        """Scale the role's gradient to its largest norm; returns the norm it had."""
        weights = self.parameters[role].values()
        return float(whole(nn.utils.clip_grad_norm_(weights, self.settings[role].max_grad_norm)))

    def _rate(self, role: str, rate: float) -> None:
        self._adamw.param_groups[list(self.parameters).index(role)]["lr"] = rate

    def _move(self) -> None:
        self._adamw.step()

    def drop_gradients(self) -> None:
        """Forget what the backwards of an update that could not be finished left behind."""
        self._adamw.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and both moments, whole, by role and name."""
        kept: dict[str, Tensor] = {}
        for name, parameter in self._named():
            kept[f"parameter/{name}"] = whole(parameter)
            for part, value in self._moments(name, parameter).items():
                kept[f"{part}/{name}"] = value
        return kept

    def _moments(self, name: str, parameter: nn.Parameter) -> Mapping[str, Tensor]:
        """What AdamW remembers of a weight, whole; nothing before the first step."""
        return {part: whole(value) for part, value in self._adamw.state.get(parameter, {}).items()}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Raises KeyError on a name that is missing, unexpected or of another shape: a checkpoint fits
        exactly or not at all.
        """
        self._refuse_unlike(kept)
        for name, parameter in self._named():
            begun = f"step/{name}" in kept
            moments = {part: kept[f"{part}/{name}"] for part in MOMENTS} if begun else {}
            self._put(name, parameter, kept[f"parameter/{name}"], moments)

    def _put(self, name: str, parameter: nn.Parameter, value: Tensor, moments: Mapping[str, Tensor]) -> None:
        put(parameter, value)
        if moments:
            step = moments["step"].clone().to(parameter.device)
            averages = {part: _like(parameter, moments[part]) for part in MOMENTS[1:]}
            self._adamw.state[parameter] = {"step": step, **averages}

    def _refuse_unlike(self, kept: Mapping[str, Tensor]) -> None:
        wanted: dict[str, torch.Size] = {}
        for name, parameter in self._named():
            wanted[f"parameter/{name}"] = shape_of(parameter)
            if any(f"{part}/{name}" in kept for part in MOMENTS):  # none before the first step
                wanted |= {f"{part}/{name}": shape_of(parameter) for part in MOMENTS}
                wanted[f"step/{name}"] = torch.Size()
        for name in sorted(wanted.keys() | kept.keys()):
            if name not in wanted or name not in kept or kept[name].shape != wanted[name]:
                raise KeyError(name)

    def _named(self) -> Iterable[tuple[str, nn.Parameter]]:
        for role, owned in self.parameters.items():
            for name, parameter in owned.items():
                yield f"{role}/{name}", parameter


def _like(parameter: nn.Parameter, value: Tensor) -> Tensor:
    """A copy of a whole tensor, lying as the parameter lies."""
    moment = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False)
    put(moment, value)
    return moment


def _fusable(parameters: Mapping[str, Mapping[str, nn.Parameter]]) -> bool:
    kinds = {parameter.device.type for owned in parameters.values() for parameter in owned.values()}
    return kinds <= {"cpu"} or kinds <= {"cuda"}
