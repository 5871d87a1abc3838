"""What each recipe needs, and what of it is not here, with the command that helps. Changes nothing.

Knows recipes and packages; loads no weight and asks no network.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dajeong.errors import DajeongError, EnvironmentProblem
from dajeong.machine import GIB, is_installed, packages_by_extra
from dajeong.messages import text
from dajeong.plan import missing_files
from dajeong.plan_models import Models
from dajeong.recipe import Recipe, load
from dajeong.recipe_source import BUILT_IN
from dajeong.records import Frozen

LARGE = 1_000_000_000
"""Parameters from which on a base is not for the processor."""


class Readiness(Frozen):
    """Whether a recipe could be run here as it is."""

    recipe: str
    model: str
    needs: tuple[str, ...] = ()
    """What it takes: files, weights, a card, extras, keys."""
    lacks: tuple[str, ...] = ()
    """What of it is missing, each with the next move."""


def readiness(folder: Path) -> list[Readiness]:
    """Of every recipe that comes along, with runs kept in `folder`."""
    return [_readiness(path.stem, folder) for path in sorted(BUILT_IN.glob("*.yaml"))]


def _readiness(name: str, folder: Path) -> Readiness:
    try:
        recipe = load(name, files_required=False)
    except DajeongError as problem:
        return Readiness(recipe=name, model="-", lacks=(str(problem),))
    needs, lacks = list[str](), list[str]()
    for each in (_files(recipe), _bases(recipe, folder), _extras(recipe), _keys(recipe)):
        for need, lack in each:
            needs.append(need)
            lacks += [lack] if lack else []
    return Readiness(
        recipe=name,
        model=recipe.shared.model,
        needs=tuple(dict.fromkeys(needs)),
        lacks=tuple(dict.fromkeys(lacks)),
    )


Need = tuple[str, str]
"""What is needed, and what to do where it is missing; empty where it is there."""


def _files(recipe: Recipe) -> Iterator[Need]:
    for path in missing_files(recipe):
        yield text("ready-file", file=path.name), text("ready-file-missing", file=path.name)


def _bases(recipe: Recipe, folder: Path) -> Iterator[Need]:
    """A Hub model that lies in no cache is downloaded by the first run, if the network may be used."""
    models = Models(recipe)
    for step in recipe.steps:
        if not (step.kind.gives_model or "models" in step.inputs):
            continue
        name = models.name_of(step)
        if name == "tiny":
            continue
        size = _size(models, step)
        shown = f"{name} ({size / GIB:.1f} GiB)" if size else name
        yield text("ready-weights", model=shown), "" if is_here(name) else f"hf download {name}"
        if size and not is_here(name):
            yield from _room(folder, size)
        if size > 2 * LARGE:
            advice = "" if _has_card() else f"dajeong plan {recipe.shared.name} --gpu 24|40|80"
            yield text("ready-card"), advice


def _size(models: Models, step: Any) -> int:
    try:
        return models.shape(step).weights(2)
    except EnvironmentProblem:
        return 0


def is_here(model: str) -> bool:
    """Whether its files lie in a folder or in the Hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    return Path(model).is_dir() or isinstance(try_to_load_from_cache(model, "config.json"), str)


def _room(folder: Path, size: int) -> Iterator[Need]:
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    needed = text("ready-disk", gib=f"{size / GIB:.0f}")
    yield (
        needed,
        "" if free > size else text("ready-disk-short", gib=f"{size / GIB:.0f}", free=f"{free / GIB:.0f}"),
    )


def _has_card() -> bool:
    import torch

    return torch.cuda.is_available()


def _extras(recipe: Recipe) -> Iterator[Need]:
    wanted = [*recipe.shared.tracking, *(each for step in recipe.steps for each in extras_in(step.settings))]
    known = packages_by_extra()
    for extra in dict.fromkeys(wanted):
        whole = all(is_installed(package) for package in known.get(extra, ()))
        yield text("ready-extra", extra=extra), "" if whole else f"pip install 'dajeong[{extra}]'"


def extras_in(settings: Any) -> Iterator[str]:
    """Extras that settings ask for, nested ones too."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Frozen):
            yield from extras_in(value)
        if name == "quantised" and value:
            yield "quantised"
        elif name == "parallel" and str(value).startswith("zero"):
            yield "deepspeed"
        elif name == "hub" and value:
            yield "datasets"
        elif name == "vectoriser" and value == "morphemes":
            yield "korean"


def _keys(recipe: Recipe) -> Iterator[Need]:
    """Names of environment variables that services of the steps read and that are not set."""
    for step in recipe.steps:
        for name in dict.fromkeys(keys_in(step.settings)):
            yield text("ready-key", name=name), "" if os.environ.get(name) else f"export {name}=…"


def keys_in(settings: Any) -> Iterator[str]:
    for field in getattr(type(settings), "model_fields", {}):
        value = getattr(settings, field)
        if field == "key_env" and value:
            yield value
        nested = value.values() if isinstance(value, dict) else [value]
        for each in nested:
            if isinstance(each, Frozen):
                yield from keys_in(each)
