"""The models that a recipe's steps work on: bases, adapters, places. Reads configurations, no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from dajeong.inspecting import base_of_step
from dajeong.models.settings import LoraSettings, RuntimeSettings
from dajeong.planning.hours import Effort
from dajeong.planning.memory import Workload
from dajeong.planning.rehearsal import Body, Device, RoleShape
from dajeong.planning.shapes import Shape, config_of, shape_of, tiny_config
from dajeong.recipe import Recipe, Step
from dajeong.references import Reference

POLICY, SFT, VALUE = "policy", "sft", "value"


class Place(NamedTuple):
    """Where a step is to run."""

    device: Device = "cuda"
    world: int = 1
    auto: int = 8192
    """Tokens of a forward whose budget is to be measured there."""


class Planned(NamedTuple):
    """One step on one card."""

    workload: Workload
    effort: Effort
    updates: int | None
    """Optimizer steps; None where the data would have to say."""
    tokens: int | None
    """Tokens read in all, as often as they are read; of rollouts, those drawn and their prompts at most."""
    per_forward: int
    flops_per_token: float = 0.0


class Models:
    """The bases and adapters of a recipe's steps, by their configurations."""

    def __init__(self, recipe: Recipe) -> None:
        self.steps = {step.name: step for step in recipe.steps}
        self._shapes: dict[str, Shape] = {}

    def name_of(self, step: Step) -> str:
        """What the base of a step is called."""
        if step.kind.named_by:
            return str(getattr(step.settings, step.kind.named_by))
        base, reference = base_of_step(step, self.steps)
        return self.name_of(base) if base is not None else reference

    def shape(self, step: Step) -> Shape:
        """Raises EnvironmentProblem where the base's configuration is out of reach."""
        base = step if step.kind.named_by else base_of_step(step, self.steps)[0]
        name = self.name_of(step)
        if name not in self._shapes:
            tiny = base is not None and name == "tiny"
            config = tiny_config(base.settings.tiny) if tiny and base else config_of(name)  # type: ignore[attr-defined]
            self._shapes[name] = shape_of(config)
        return self._shapes[name]

    def adapter(self, reference: Reference) -> LoraSettings | None:
        """The shape of an adapter that a step starts from; None for a bare base."""
        if reference.step is None:
            return adapter_in(reference.path) if reference.path else None
        step = self.steps[reference.step]
        settings: Any = step.settings
        if step.kind.named_by:
            return None
        started = [refs[0] for field, refs in step.inputs.items() if field in ("model", "policy")]
        below = self.adapter(started[0]) if started else None
        if step.use == "sft":
            return settings.lora  # type: ignore[no-any-return]
        if step.use == "reward":
            return settings.lora or below or LoraSettings()
        return below or getattr(settings, "lora", None)


def adapter_in(folder: Path) -> LoraSettings | None:
    from dajeong.models.adapters import CONFIG, lora_of

    return lora_of(folder) if (folder / CONFIG).is_file() else None


def body_of(
    shape: Shape,
    roles: tuple[RoleShape, ...],
    runtime: RuntimeSettings,
    place: Place,
    *,
    train_base: bool = False,
) -> Body:
    import torch

    half = runtime.dtype == "bfloat16" or (runtime.dtype == "auto" and place.device == "cuda")
    dtype = torch.bfloat16 if half and not train_base else torch.float32
    return Body(shape.config, roles, dtype, runtime.checkpointing, train_base, place.device)


def width_of(place: Place) -> int:
    return 2 if place.device == "cuda" else 4
