"""A finished or half-finished run, read back from its folder: all that the report may know.

Nothing here trains, scores or draws. A piece that is not there is left out; a piece that cannot be read is
named among the `problems`, and the rest is still shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from dajeong.errors import DajeongError
from dajeong.journal import read_journal
from dajeong.records import Reply, Result
from dajeong.storage import read_json, read_records

T = TypeVar("T")

_RESULTS = TypeAdapter(list[Result])
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True)
class Stage:
    """One step of the run: its manifest, its diary, its replies."""

    name: str
    kind: str
    done: bool
    fingerprint: str = ""
    seconds: float | None = None
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Input field → what it was given: `step/output`, a step, a file, a model."""
    outputs: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    journal: tuple[dict[str, Any], ...] = ()
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True)
class Model:
    """What the files beside a model's weights say of it."""

    name: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    name: str
    stages: tuple[Stage, ...]
    results: tuple[Result, ...]
    models: tuple[Model, ...]
    recipe: str
    problems: tuple[str, ...]


class _Reader:
    """Reads under one roof, so that every failure lands in `problems`."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.problems: list[str] = []

    def tried(self, path: Path, read: Callable[[Path], T], otherwise: T) -> T:
        if not path.exists():
            return otherwise
        try:
            return read(path)
        except (DajeongError, OSError, ValueError, RecursionError, yaml.YAMLError) as problem:
            first_line = (str(problem).splitlines() or [type(problem).__name__])[0]
            self.problems.append(f"{path.relative_to(self.run).as_posix()}: {first_line[:200]}")
            return otherwise


def read_run(run: Path) -> Run:
    """Everything below `run` that a report shows. Never raises for what a run folder lacks."""
    reader = _Reader(run)
    recipe = reader.tried(run / "recipe.yaml", lambda path: path.read_text(encoding="utf-8"), "")
    plan = reader.tried(run / "recipe.yaml", _plan, _NOTHING)
    steps = _dict(plan.get("steps"))
    stages = [_stage(reader, name, steps) for name in _step_names(run, steps)]
    return Run(
        name=_plain(plan.get("name")) or run.resolve().name,
        stages=tuple(stages),
        results=reader.tried(run / "results.json", _results, ()),
        models=tuple(_models(reader)),
        recipe=recipe,
        problems=tuple(reader.problems),
    )


def _plan(path: Path) -> dict[str, Any]:
    """Names and steps of the resolved recipe, which was checked when the run began and is only shown here."""
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(plan, dict) or not isinstance(plan.get("steps", {}), dict):
        raise ValueError("not a recipe: a mapping with `steps` was expected")
    return plan


def _step_names(run: Path, steps: Mapping[str, Any]) -> list[str]:
    """The recipe's order; folders it does not name follow by name."""
    planned = [str(name) for name in steps]
    folders = sorted(folder.name for folder in (run / "steps").glob("*") if folder.is_dir())
    return planned + [name for name in folders if name not in planned]


def _stage(reader: _Reader, name: str, planned: Mapping[str, Any]) -> Stage:
    folder = reader.run / "steps" / name
    manifest = reader.tried(folder / "manifest.json", _mapping, _NOTHING)
    wish = _dict(planned.get(name))
    seconds = manifest.get("seconds")
    return Stage(
        name=name,
        kind=str(manifest.get("kind") or wish.get("use") or name),
        done=bool(manifest),
        fingerprint=str(manifest.get("fingerprint", "")),
        seconds=float(seconds) if isinstance(seconds, int | float) and math.isfinite(seconds) else None,
        inputs=_inputs(manifest.get("inputs") or _step_references(wish, planned)),
        outputs=_references(manifest.get("outputs")),
        versions={str(key): str(value) for key, value in _dict(manifest.get("versions")).items()},
        journal=reader.tried(folder / "journal.jsonl", _entries, ()),
        replies=reader.tried(folder / "replies.jsonl", lambda path: tuple(read_records(path, Reply)), ()),
    )


def _entries(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(entry for entry in read_journal(path) if isinstance(entry, dict))


def _mapping(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _dict(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _inputs(value: object) -> dict[str, tuple[str, ...]]:
    return {str(name): _references(given) for name, given in _dict(value).items()}


def _references(value: object) -> tuple[str, ...]:
    """The names in whatever shape they were written: one, a list of them, or the keys of a mapping."""
    items = value if isinstance(value, list | dict) else [value]
    return tuple(item for item in items if isinstance(item, str))


def _step_references(wish: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a step that has not run yet will read: the fields of its recipe entry that name other steps."""
    given = {name: _references(value) for name, value in wish.items() if name != "use"}
    return {name: refs for name, refs in given.items() if refs and all(step_of(r) in planned for r in refs)}


def step_of(reference: str) -> str:
    """`sft/replies` → `sft`."""
    return reference.split("/", 1)[0]


def _results(path: Path) -> tuple[Result, ...]:
    try:
        return tuple(_RESULTS.validate_python(read_json(path)))
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from problem


def _models(reader: _Reader) -> Iterator[Model]:
    for folder in sorted((reader.run / "models").glob("*")):
        if folder.is_dir():
            card = reader.tried(folder / "README.md", _front_matter, _NOTHING)
            adapter = reader.tried(folder / "adapter_config.json", _mapping, _NOTHING)
            config = reader.tried(folder / "config.json", _mapping, _NOTHING)
            facts = {**_card_facts(card), **_adapter_facts(adapter), **_config_facts(config)}
            yield Model(folder.name, facts)


def _front_matter(path: Path) -> dict[str, Any]:
    """The YAML head of a model card."""
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    return _dict(yaml.safe_load(parts[1])) if len(parts) == 3 and not parts[0].strip() else {}


def _card_facts(card: Mapping[str, Any]) -> dict[str, str]:
    return {key: _plain(card[key]) for key in ("license", "base_model", "datasets", "tags") if card.get(key)}


def _adapter_facts(adapter: Mapping[str, Any]) -> dict[str, str]:
    wanted = {"base_model_name_or_path": "base_model", "revision": "revision", "r": "rank"}
    return {fact: _plain(adapter[key]) for key, fact in wanted.items() if adapter.get(key)}


def _config_facts(config: Mapping[str, Any]) -> dict[str, str]:
    wanted = {"model_type": "form", "num_hidden_layers": "layers", "hidden_size": "width"}
    return {fact: _plain(config[key]) for key, fact in wanted.items() if config.get(key)}


def _plain(value: object) -> str:
    """A scalar, or a list of scalars, as text; deeper values are not walked."""
    items = value if isinstance(value, list) else [value]
    return ", ".join(str(item) for item in items if isinstance(item, str | int | float))
