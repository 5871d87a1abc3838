"""Settings with which a step would fit its card, the least slowing first. Changes and measures nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple, TypeVar

from dajeong.models.settings import LoraSettings
from dajeong.records import Frozen
from dajeong.training.settings import AUTO

F = TypeVar("F", bound=Frozen)
SMALLEST = 256
"""Tokens of a forward below which nobody would train."""
RECOMPUTED = 4 / 3
"""Times that an update takes when each layer is computed again on the way back."""
UNPACKED = 512
"""Unpacking four bits costs as much as reading so many tokens."""
USUAL = 4096
"""Tokens of a forward where the settings do not say."""
STARTED = 128
"""Small products run slower, as if every forward read so many tokens more."""
FETCHED = 3.0
"""Times that it takes when weights come from main memory twice, and layers are computed again."""
FEWER_SLOTS = 1.3
"""Times that sampling takes with half the replies side by side."""
ALLOWED = 3
"""Halvings of the replies side by side."""


class Change(NamedTuple):
    settings: dict[str, Any]
    """Name below the step → value; `runtime.checkpointing` is that key of `runtime`."""
    slower: float
    """Times that the step takes, a rule of thumb."""


def changes(settings: Frozen, longest: int) -> list[Change]:
    """Every combination, cheapest first. `longest`: tokens of what no forward can be smaller than."""
    makers = (_checkpointed, _packed, _elsewhere, _slots, _critic)
    options = [list(_smaller(settings, longest)), *(list(maker(settings)) for maker in makers)]
    found = []
    for parts in product(*options):
        merged = {name: value for part in parts for name, value in part.settings.items()}
        if {"runtime.offload", "runtime.quantised"} <= merged.keys():
            continue  # the one or the other
        cost = math.prod(part.slower for part in parts)
        if "runtime.quantised" in merged:
            tokens = merged.get("tokens_per_micro_batch") or getattr(settings, "tokens_per_micro_batch", 0)
            cost *= 1 + UNPACKED / (tokens or USUAL)
        if merged:
            found.append(Change(merged, cost))
    return [*sorted(found, key=lambda change: change.slower), *_adapter(settings)]


def changed(settings: F, change: Mapping[str, Any]) -> F:
    """The settings with that change."""
    for name, value in change.items():
        field, _, inner = name.partition(".")
        new = changed(getattr(settings, field), {inner: value}) if inner else value
        settings = settings.model_copy(update={field: new})
    return settings


def as_set(step: str, change: Change) -> tuple[str, ...]:
    """As the command line takes them."""
    return tuple(f"{step}.{name}={_written(value)}" for name, value in change.settings.items())


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "{}" if isinstance(value, Frozen) else str(value)


def _smaller(settings: Any, longest: int) -> Iterator[Change]:
    yield Change({}, 1.0)
    budget = getattr(settings, "tokens_per_micro_batch", None)
    if not budget or budget == AUTO:
        return
    half = budget // 2
    while half >= max(longest, SMALLEST):
        yield Change({"tokens_per_micro_batch": half}, (1 + STARTED / half) / (1 + STARTED / budget))
        half //= 2


def _checkpointed(settings: Any) -> Iterator[Change]:
    yield Change({}, 1.0)
    runtime = getattr(settings, "runtime", None)
    if runtime is not None and not runtime.checkpointing and hasattr(settings, "optimizer"):
        yield Change({"runtime.checkpointing": True}, RECOMPUTED)


def _elsewhere(settings: Any) -> Iterator[Change]:
    yield Change({}, 1.0)
    runtime = getattr(settings, "runtime", None)
    frozen = getattr(settings, "lora", True) is not None or hasattr(settings, "centring")
    if runtime is not None and hasattr(settings, "optimizer") and frozen and not runtime.offload:
        yield Change({"runtime.checkpointing": True, "runtime.offload": "base"}, FETCHED)


def _packed(settings: Any) -> Iterator[Change]:
    yield Change({}, 1.0)
    runtime = getattr(settings, "runtime", None)
    full = hasattr(settings, "lora") and settings.lora is None and not hasattr(settings, "centring")
    whole = getattr(settings, "parallel", "single") in ("single", "ddp")
    if runtime is not None and runtime.quantised is None and whole and not full:
        yield Change({"runtime.quantised": "4bit"}, 1.0)


def _slots(settings: Any) -> Iterator[Change]:
    yield Change({}, 1.0)
    slots, slower = getattr(settings, "max_slots", 0), 1.0
    for _ in range(ALLOWED):
        slots, slower = slots // 2, slower * FEWER_SLOTS
        if slots:
            yield Change({"max_slots": slots}, slower)


def _critic(settings: Any) -> Iterator[Change]:
    yield Change({}, 1.0)
    if getattr(settings, "critic", None) == "model":
        yield Change({"critic": "role"}, 1.05)
    if getattr(settings, "reference_logprobs", None) == "forward":
        yield Change({"reference_logprobs": "cached"}, 1.01)


def _adapter(settings: Any) -> Iterator[Change]:
    """Training all weights is another thing than training an adapter: only where nothing else helps."""
    if hasattr(settings, "lora") and settings.lora is None and not hasattr(settings, "centring"):
        yield Change({"lora": LoraSettings()}, 1.0)
        yield Change({"lora": LoraSettings(), "runtime.checkpointing": True}, RECOMPUTED)
