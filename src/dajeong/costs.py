"""What the steps of a recipe will pay to services, before any of them runs; and one budget for all of them.

Knows steps and settings; asks each step's own estimate. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dajeong.catalog import load
from dajeong.ledger import Decision, Ledger
from dajeong.progress import Quiet
from dajeong.recipe import Recipe
from dajeong.records import Frozen
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.remote.settings import RemoteSettings

T = TypeVar("T")


def estimates(recipe: Recipe, run: Path, decisions: Sequence[Decision]) -> dict[str, Estimate | None]:
    """Of every step that pays and is not done; None where its inputs are not there yet."""
    ledger = Ledger(recipe, run)
    ready = {decision.step.name for decision in decisions if decision.action == "done"}
    found: dict[str, Estimate | None] = {}
    for step, action, _ in decisions:
        if step.kind.estimate is None or action == "done":
            continue
        known = all(name in ready for name in step.waits_for)
        work = ledger.workplace(step, Quiet())
        found[step.name] = load(step.kind.estimate)(step.settings, work) if known else None
    return found


def total(found: Mapping[str, Estimate | None]) -> Estimate:
    """The sum of what is known."""
    return sum((each for each in found.values() if each is not None), NOTHING)


def with_budget(recipe: Recipe, dollars: float) -> Recipe:
    """The recipe with this budget at every service it names; its results and fingerprints stay the same."""
    steps = tuple(
        replace(step, written=_limited(step.written, dollars), settings=_limited(step.settings, dollars))
        for step in recipe.steps
    )
    return replace(recipe, steps=steps)


def _limited(value: T, dollars: float) -> T:
    """The value, with every service inside it limited."""
    changed: Any = value
    if isinstance(value, RemoteSettings):
        changed = value.model_copy(update={"budget": dollars})
    elif isinstance(value, Frozen):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        changed = value.model_copy(update={name: _limited(item, dollars) for name, item in fields.items()})
    elif isinstance(value, dict):
        changed = {key: _limited(item, dollars) for key, item in value.items()}
    elif isinstance(value, tuple):
        changed = tuple(_limited(item, dollars) for item in value)
    return changed  # type: ignore[no-any-return]
