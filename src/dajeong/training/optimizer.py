"""AdamW with one group per role, its schedule, its clipping, and what it leaves out. State goes in and out by
parameter name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from dajeong.errors import UsageProblem
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


class Optimizer:
    """Steps every role of `parameters` under its own settings."""

    def __init__(
        self, parameters: Mapping[str, Mapping[str, nn.Parameter]], settings: Mapping[str, OptimizerSettings]
    ) -> None:
        self.parameters = parameters
        self.settings = settings
        self.spikes = Spikes({role: each.spikes for role, each in settings.items() if each.spikes})
        self.left_out: Spike | None = None
        """Why the last step moved nothing, where the settings let it be left out."""
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

    def step(self, progress: float, trains: Iterable[str]) -> tuple[dict[str, float], dict[str, float]]:
        """Clip and move; roles outside `trains` get rate 0. Returns (gradient norm, rate) per role.

        Nothing moves where a norm is not finite, or leaps.
        """
        moving = set(trains)
        norms, rates = {}, {}
        for group, (role, owned) in zip(self._adamw.param_groups, self.parameters.items(), strict=True):
            norms[role] = float(nn.utils.clip_grad_norm_(owned.values(), self.settings[role].max_grad_norm))
            rates[role] = rate_at(progress, self.settings[role]) if role in moving else 0.0
            group["lr"] = rates[role]
        self.left_out = self.spikes.judge(norms)
        if self.left_out:
            rates = dict.fromkeys(rates, 0.0)
        elif all(math.isfinite(norm) for norm in norms.values()):
            self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        return norms, rates

    def drop_gradients(self) -> None:
        """Forget what the backwards of an update that could not be finished left behind."""
        self._adamw.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and both moments, by role and name."""
        kept: dict[str, Tensor] = {}
        for name, parameter in self._named():
            kept[f"parameter/{name}"] = parameter.detach()
            for part, value in self._adamw.state.get(parameter, {}).items():
                kept[f"{part}/{name}"] = value
        return kept

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Raises KeyError on a name that is missing, unexpected or of another shape: a checkpoint fits
        exactly or not at all.
        """
        self._refuse_unlike(kept)
        with torch.no_grad():
            for name, parameter in self._named():
                parameter.copy_(kept[f"parameter/{name}"])
                if f"step/{name}" in kept:
                    self._adamw.state[parameter] = {
                        part: kept[f"{part}/{name}"]
                        .clone()
                        .to("cpu" if part == "step" and not parameter.is_cuda else parameter.device)
                        for part in MOMENTS
                    }

    def _refuse_unlike(self, kept: Mapping[str, Tensor]) -> None:
        wanted: dict[str, torch.Size] = {}
        for name, parameter in self._named():
            wanted[f"parameter/{name}"] = parameter.shape
            if any(f"{part}/{name}" in kept for part in MOMENTS):  # none before the first step
                wanted |= {f"{part}/{name}": parameter.shape for part in MOMENTS}
                wanted[f"step/{name}"] = torch.Size()
        for name in sorted(wanted.keys() | kept.keys()):
            if name not in wanted or name not in kept or kept[name].shape != wanted[name]:
                raise KeyError(name)

    def _named(self) -> Iterable[tuple[str, nn.Parameter]]:
        for role, owned in self.parameters.items():
            for name, parameter in owned.items():
                yield f"{role}/{name}", parameter


def _fusable(parameters: Mapping[str, Mapping[str, nn.Parameter]]) -> bool:
    kinds = {parameter.device.type for owned in parameters.values() for parameter in owned.values()}
    return kinds <= {"cpu"} or kinds <= {"cuda"}
