"""What a recipe would take on a card, step by step: memory, tokens, hours, money, disk.

Loads no weight, trains nothing. What it says is predicted; without data it follows the settings alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dajeong import costs, pipeline
from dajeong.errors import EnvironmentProblem
from dajeong.plan_changes import Change, as_set, changed, changes
from dajeong.plan_models import Models, Place, Planned
from dajeong.plan_sizes import Sizes, free_steps, sizes_of
from dajeong.plan_workloads import planned
from dajeong.planning.cards import GIB, Card
from dajeong.planning.hours import Effort
from dajeong.planning.memory import Memory, Parallel, held, learning_bytes, memory_of
from dajeong.progress import Progress
from dajeong.recipe import Recipe, Step
from dajeong.records import Frozen
from dajeong.remote.prices import Estimate
from dajeong.settings_reader import paths_in
from dajeong.training.settings import AUTO

CHECKPOINTS, KEPT = 2, 3
"""Checkpoints of a step on the disk, and what they keep of everything that learns: itself and two moments."""
LARGEST, FEWEST = 65536, 1024
"""Tokens of a forward that `auto` may come to."""
LEFT_FREE = 0.15
"""Share of what is free that `auto` leaves."""
RECOMPUTES, SURELY = "runtime.checkpointing", 0.65
"""A change that the number of tokens does not tell; and how much of what tokens hold is certain."""
RATE = {"fsdp2": 0.9, "zero3": 0.9}
"""Share of several cards' rate that is left where weights travel between them."""


class Fix(Frozen):
    """The cheapest change with which a step fits."""

    settings: tuple[str, ...]
    """As `--set` takes them."""
    peak_gib: float
    slower: float
    """Times that the step then takes, a rule of thumb."""


class StepPlan(Frozen):
    step: str
    kind: str
    model: str | None = None
    """Its base; None for a step without a model."""
    peak_gib: float | None = None
    weights_gib: float = 0
    adapters_gib: float = 0
    optimizer_gib: float = 0
    """Gradients and both moments."""
    activations_gib: float = 0
    logits_gib: float = 0
    cache_gib: float = 0
    """Keys and values while replies are drawn."""
    phase: str = ""
    """When most is held."""
    micro_batch: int | None = None
    """Tokens of its largest forward."""
    fits: bool | None = None
    fix: Fix | None = None
    """Named where it does not fit; None if no setting of the step is enough."""
    updates: int | None = None
    tokens: int | None = None
    hours: tuple[float, float] | None = None
    """From, to."""
    hours_per_million: tuple[float, float] | None = None
    """The same for a million tokens, where their number is not known."""
    cost: Estimate | None = None
    asks: bool = False
    """Whether it pays a service; with no `cost` its inputs are not there yet."""
    disk_gib: float = 0
    """Its model, and its checkpoints while it runs."""
    from_settings: bool = False
    """Whether lengths and amounts follow the settings alone, because the data are not there."""
    unknown: str = ""
    """Why nothing can be said of its model."""


class Plan(Frozen):
    recipe: str
    card: str
    gib: float
    room_gib: float
    """What a step may hold: less the driver's own, and gaps."""
    gpus: int
    parallel: str
    measured_rate: bool
    missing: tuple[str, ...]
    """Files the recipe names that are not there."""
    download_gib: float
    """Weights of bases that are no folder here."""
    steps: tuple[StepPlan, ...]


class Target(NamedTuple):
    card: Card
    device: Literal["cuda", "cpu"] = "cuda"
    gpus: int = 1
    parallel: Parallel | None = None
    """In place of the recipe's."""


def missing_files(recipe: Recipe) -> list[Path]:
    """What the recipe reads and is not there."""
    found = [
        path
        for step in recipe.steps
        for path in (
            *paths_in(step.settings),
            *(r.path for refs in step.inputs.values() for r in refs if r.path),
        )
    ]
    return [path for path in dict.fromkeys(found) if not path.exists()]


def make_data(recipe: Recipe, run: Path, progress: Progress) -> None:
    """Run the steps that make examples and prompts, where neither a model nor a service takes part."""
    for step in recipe.steps:
        for name in free_steps(step, recipe):
            pipeline.execute(recipe, run, pipeline.Wish(until=name), progress, report=None)


def plan(recipe: Recipe, run: Path, target: Target) -> Plan:
    """Of every step; `run` is the folder in which earlier steps may have left their records."""
    models = Models(recipe)
    decisions = pipeline.plan(recipe, run)
    estimates = costs.estimates(recipe, run, decisions)
    steps = tuple(_step(step, recipe, run, models, target, estimates) for step in recipe.steps)
    card = target.card
    modes = {str(step.settings.parallel) for step in recipe.steps if hasattr(step.settings, "parallel")}
    return Plan(
        recipe=recipe.shared.name,
        card=card.name,
        gib=card.gib,
        room_gib=card.room / GIB,
        gpus=target.gpus,
        parallel=target.parallel or (sorted(modes)[0] if modes else "single"),
        measured_rate=card.measured,
        missing=tuple(path.name for path in missing_files(recipe)),
        download_gib=sum(_downloads(recipe, models)) / GIB,
        steps=steps,
    )


def _downloads(recipe: Recipe, models: Models) -> Iterator[int]:
    """Bytes of every base that is somewhere else, each once, in two bytes a parameter."""
    seen = set[str]()
    for step in recipe.steps:
        if not any(each.record == "Model" for each in step.kind.inputs.values()) or not step.inputs:
            continue
        try:
            name, shape = models.name_of(step), models.shape(step)
        except (EnvironmentProblem, KeyError):
            continue
        if name not in seen and name != "tiny" and not Path(name).is_dir():
            seen.add(name)
            yield shape.weights(2)


def _step(
    step: Step,
    recipe: Recipe,
    run: Path,
    models: Models,
    target: Target,
    estimates: dict[str, Estimate | None],
) -> StepPlan:
    paying: dict[str, Any] = {"cost": estimates.get(step.name), "asks": step.name in estimates}
    bare = StepPlan(step=step.name, kind=step.use, **paying)
    sizes = sizes_of(step, recipe, run)
    settings = _on(step.settings, target)
    try:
        found = _planned(step, settings, models, sizes, target)
    except EnvironmentProblem as problem:
        return bare.model_copy(update={"unknown": str(problem)})
    if found is None:
        return bare
    memory = memory_of(found.workload)
    fits = memory.peak <= target.card.room if target.device == "cuda" else None
    fix = _fix(step, settings, models, sizes, target, memory) if fits is False else None
    return bare.model_copy(
        update={
            **_gib(memory),
            "model": models.name_of(step),
            "micro_batch": found.per_forward,
            "fits": fits,
            "fix": fix,
            "updates": found.updates,
            "tokens": found.tokens,
            "hours": _hours(found.effort, found, target, settings) if found.tokens else None,
            "hours_per_million": _per_million(found, target, settings),
            "disk_gib": _disk(step, found) / GIB,
            "from_settings": not sizes.known,
        }
    )


def _on(settings: Any, target: Target) -> Any:
    """The settings as they would run there."""
    if target.parallel and hasattr(settings, "parallel"):
        settings = settings.model_copy(update={"parallel": target.parallel})
    return settings


def _world(settings: Any, target: Target) -> int:
    return target.gpus if getattr(settings, "parallel", "single") != "single" else 1


def _planned(step: Step, settings: Any, models: Models, sizes: Sizes, target: Target) -> Planned | None:
    place = Place(target.device, _world(settings, target))
    if getattr(settings, "tokens_per_micro_batch", None) != AUTO or target.device == "cpu":
        return planned(step, settings, models, sizes, place)
    tokens = LARGEST
    while True:
        found = planned(step, settings, models, sizes, place._replace(auto=tokens))
        if found is None or tokens <= FEWEST or _leaves_free(found, target):
            return found
        tokens //= 2


def _leaves_free(found: Planned, target: Target) -> bool:
    memory = memory_of(found.workload)
    return memory.peak - memory.held <= (1 - LEFT_FREE) * (target.card.room - memory.held)


def _fix(
    step: Step, settings: Any, models: Models, sizes: Sizes, target: Target, memory: Memory
) -> Fix | None:
    """`memory`: what it takes as it is."""
    longest = min(sizes.longest, getattr(settings, "max_tokens", sizes.longest))
    for change in changes(settings, longest):
        place = Place(target.device, _world(settings, target))
        found = planned(step, changed(settings, change.settings), models, sizes, place)
        if found is None or _cannot_fit(found, change, settings, target, memory):
            continue
        peak = memory_of(found.workload).peak
        if peak <= target.card.room:
            return Fix(settings=as_set(step.name, change), peak_gib=peak / GIB, slower=change.slower)
    return None


def _cannot_fit(found: Planned, change: Change, settings: Any, target: Target, memory: Memory) -> bool:
    """Whether that is clear without a rehearsal: a forward of half the tokens holds no less than a third."""
    least = sum(held(found.workload))
    if memory.phase == "update" and RECOMPUTES not in change.settings:
        asked = getattr(settings, "tokens_per_micro_batch", 0) or 1
        share = change.settings.get("tokens_per_micro_batch", asked) / asked
        least += int(SURELY * share * (memory.peak - memory.held))
    return least > target.card.room


def _gib(memory: Memory) -> dict[str, Any]:
    parts = {
        "peak": memory.peak,
        "weights": memory.weights,
        "adapters": memory.adapters,
        "optimizer": memory.optimizer,
        "activations": memory.activations,
        "logits": memory.logits,
        "cache": memory.cache,
    }
    return {f"{name}_gib": size / GIB for name, size in parts.items()} | {"phase": memory.phase}


def _hours(effort: Effort, found: Planned, target: Target, settings: Any) -> tuple[float, float] | None:
    cards = _world(settings, target) * RATE.get(getattr(settings, "parallel", ""), 1.0)
    return effort.hours(found.workload.shape, target.card, cards)


def _per_million(found: Planned, target: Target, settings: Any) -> tuple[float, float] | None:
    if found.tokens or not found.flops_per_token:
        return None
    return _hours(Effort(1e6 * found.flops_per_token), found, target, settings)


def _disk(step: Step, found: Planned) -> int:
    """The model in float32 (an adapter, or a whole tiny base), and two checkpoints with both moments."""
    if not step.kind.gives_model:
        return 0
    learning = learning_bytes(found.workload)
    return learning + CHECKPOINTS * KEPT * learning
