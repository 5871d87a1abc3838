"""A finished or half-finished run, read back from its folder: all that the report may know.

Nothing here trains, scores or draws. A piece that is not there is left out; a piece that cannot be read is
named among the `problems`, and the rest is still shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from dajeong.errors import DajeongError
from dajeong.journal import read_journal
from dajeong.records import Reply, Result, Score
from dajeong.report.cards import facts_of, mapping_in, plain
from dajeong.report.origins import Origin, origins_of
from dajeong.storage import read_json, read_records

T = TypeVar("T")

_RESULTS = TypeAdapter(list[Result])
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True)
class Stage:
    """One step of the run: its manifest, its diary, its replies, its judgements."""

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
    results: tuple[Result, ...] = ()
    scores: tuple[Score, ...] = ()


class Model(NamedTuple):
    name: str
    facts: Mapping[str, str]


class Figures(NamedTuple):
    """The results of one step; two reports on one model differ in nothing else."""

    step: str
    rows: tuple[Result, ...]


@dataclass(frozen=True)
class Run:
    name: str
    stages: tuple[Stage, ...]
    figures: tuple[Figures, ...]
    models: tuple[Model, ...]
    origins: tuple[Origin, ...]
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
        name=plain(plan.get("name")) or run.resolve().name,
        stages=tuple(stages),
        figures=tuple(_figures(reader.tried(run / "results.json", _results, ()), stages)),
        models=tuple(_models(reader)),
        origins=tuple(_origins(reader, stages)),
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
    manifest = reader.tried(folder / "manifest.json", mapping_in, _NOTHING)
    begun = manifest or reader.tried(folder / "started.json", mapping_in, _NOTHING)
    wish = _dict(planned.get(name))
    seconds = manifest.get("seconds")
    return Stage(
        name=name,
        kind=str(begun.get("kind") or wish.get("use") or name),
        done=bool(manifest),
        fingerprint=str(begun.get("fingerprint", "")),
        seconds=float(seconds) if isinstance(seconds, int | float) and math.isfinite(seconds) else None,
        inputs=_inputs(begun.get("inputs") or _step_references(wish, planned)),
        outputs=_outputs(manifest.get("outputs")),
        versions=_versions(manifest),
        journal=reader.tried(folder / "journal.jsonl", _entries, ()),
        replies=reader.tried(folder / "replies.jsonl", lambda path: tuple(read_records(path, Reply)), ()),
        results=reader.tried(folder / "results.jsonl", lambda path: tuple(read_records(path, Result)), ()),
        scores=reader.tried(folder / "scores.jsonl", lambda path: tuple(read_records(path, Score)), ()),
    )


def _entries(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(entry for entry in read_journal(path) if isinstance(entry, dict))


def _dict(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _inputs(value: object) -> dict[str, tuple[str, ...]]:
    return {str(name): _references(given) for name, given in _dict(value).items()}


def _references(value: object) -> tuple[str, ...]:
    """The names in whatever shape they were written: one, a list of them, or the keys of a mapping."""
    items = value if isinstance(value, list | tuple | dict) else [value]
    return tuple(item for item in items if isinstance(item, str))


def _outputs(value: object) -> tuple[str, ...]:
    """`steps/sft/replies.jsonl` → `replies`; every file of a model folder → `model`."""
    short = ("model" if path.startswith("models/") else Path(path).stem for path in _references(value))
    return tuple(dict.fromkeys(short))


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    shown = {**_dict(manifest.get("versions")), "threads": manifest.get("threads")}
    return {str(name): plain(value) for name, value in shown.items() if value}


def _step_references(wish: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a step that has not begun will read: fields of its recipe entry that name other steps.

    A lone word is an input only where it is a model; elsewhere it is a setting that looks like a step.
    """
    given = {
        name: _references(value)
        for name, value in wish.items()
        if isinstance(value, list | dict) or name in ("model", "policy", "reference")
    }
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


def _figures(results: Sequence[Result], stages: Sequence[Stage]) -> Iterator[Figures]:
    """results.json says what counts; the steps' own files say whose each row is."""
    left = list(results)
    for stage in stages:
        mine = tuple(row for row in stage.results if row in left)
        if mine:
            left = [row for row in left if row not in mine]
            yield Figures(stage.name, mine)
    if left:
        yield Figures("", tuple(left))


def _origins(reader: _Reader, stages: Sequence[Stage]) -> Iterator[Origin]:
    """Of the steps that read no other step: with them, words came into the run."""
    none: list[Origin] = []
    names = {stage.name for stage in stages}
    for stage in stages:
        given = (step_of(reference) for references in stage.inputs.values() for reference in references)
        if stage.done and names.isdisjoint(given):
            yield from reader.tried(reader.run / "steps" / stage.name, origins_of, none)


def _models(reader: _Reader) -> Iterator[Model]:
    none: dict[str, str] = {}
    for folder in sorted((reader.run / "models").glob("*")):
        if folder.is_dir():
            yield Model(folder.name, reader.tried(folder, facts_of, none))
