"""A recipe: shared keys and named steps, read from YAML or JSON, all of it checked before anything runs.

Knows kinds of steps and their settings; runs nothing and writes nothing. Unknown keys, values of another
type, names that do not exist and circles are refused with file, line and the nearest known name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import Field

from dajeong import yaml_strict
from dajeong.catalog import TEMPLATES
from dajeong.errors import DataProblem, UsageProblem
from dajeong.recipe_source import BUILT_IN, Source, find
from dajeong.records import Frozen
from dajeong.references import Known, Places, Reference, located, nearest, resolved, running_order
from dajeong.settings_reader import read_settings, scaled, unknown_key, with_paths
from dajeong.steps import KINDS, Input, Kind
from dajeong.yaml_strict import KeyPath

STEP_NAME = re.compile(r"\w[\w-]{0,39}")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
"""Names Windows keeps for devices: such a folder could not be opened there."""


class Shared(Frozen):
    """The keys of a recipe beside its steps: defaults wherever a step's settings have the same key."""

    name: str = Field(min_length=1, max_length=80, pattern=r"^\w[\w. -]*$")
    """Names the run folder; the recipe's file name by default."""
    seed: int = Field(0, ge=0)
    """Every draw of the run follows from it."""
    model: str = "tiny"
    """The base model: a folder, a Hub id, or `tiny`, which is trained in the run."""
    template: str = "kullm"
    """The prompt template."""
    threads: int | None = Field(None, ge=1)
    """Processor threads; all of this machine's by default. Results are byte-equal only for equal threads."""
    parallel: Literal["single", "ddp", "fsdp2", "zero2", "zero3"] = "single"
    """How the processes of a launch share training: `single` is one process; with `ddp` each holds all
    weights; with `fsdp2` and `zero3` they lie in parts on all; with `zero2` the optimizer's state does."""
    data_dir: Path | None = None
    """Relative files of the recipe lie below this folder."""
    scale: float = Field(1.0, gt=0, le=1)
    """Multiplies epochs, updates and row caps; never lengths, learning rates or batch sizes."""
    tracking: tuple[Literal["tensorboard", "wandb", "mlflow", "trackio"], ...] = ()
    """Trackers that show the training too; what fails in one is a line to read, never the run's failure."""


OWN = ("name", "data_dir", "scale", "threads", "tracking")
"""Shared keys that are the run's own and never a step's default."""


@dataclass(frozen=True)
class Step:
    """One named step: a kind, its settings, and what its inputs name."""

    name: str
    use: str
    kind: Kind
    written: Frozen
    """Settings before `scale`."""
    settings: Frozen
    """Settings the step runs with."""
    inputs: Mapping[str, tuple[Reference, ...]]

    @property
    def waits_for(self) -> list[str]:
        """The steps it reads from, each once."""
        return list(dict.fromkeys(ref.step for refs in self.inputs.values() for ref in refs if ref.step))


@dataclass(frozen=True)
class Recipe:
    shared: Shared
    steps: tuple[Step, ...]
    """In running order."""

    def resolved(self) -> str:
        """The recipe as YAML with every default written out and every path absolute."""
        shared = self.shared.model_dump(mode="json")
        steps = {step.name: _written_out(step) for step in self.steps}
        return _as_yaml({**shared, "steps": steps})


def load(
    recipe: str | Path,
    overrides: Sequence[str] = (),
    kinds: Mapping[str, Kind] = KINDS,
    *,
    files_required: bool = True,
) -> Recipe:
    """A built-in recipe by name, or a file. `overrides` are `a.b=value`; the last one of a key wins.

    Unless `files_required`, files and models that are not there are left as they are named: such a recipe can
    be looked at, not run.
    """
    path = find(recipe)
    source = Source.read(path)
    if not source.tree.get("steps"):
        source.take_steps_from(Source.read(BUILT_IN / "demo.yaml"))
    for override in overrides:
        source.override(override, list(Shared.model_fields))
    source.tree.setdefault("name", re.sub(r"[^\w. -]|^\W+", "-", path.stem).lstrip("-. ")[:80] or "recipe")
    return _checked(source, path, kinds, files_required)


def one_step(
    use: str, inputs: Mapping[str, Any], overrides: Sequence[str], shared: Mapping[str, Any]
) -> Recipe:
    """A recipe of one step, named after its kind, from the command line: files lie below the working folder.

    `overrides` are `a.b=value` below the step.
    """
    written = {field: f"--{field.replace('_', '-')}" for field in inputs}
    origins: dict[KeyPath, str] = {("steps", use, field): option for field, option in written.items()}
    origins["steps", use] = f"dajeong train {use}"
    source = Source({"name": use, **shared, "steps": {use: {"use": use, **inputs}}}, origins)
    for override in overrides:
        source.override(f"steps.{use}.{override}", list(Shared.model_fields))
    return _checked(source, Path.cwd() / use, KINDS)


def _checked(source: Source, path: Path, kinds: Mapping[str, Kind], files_required: bool = True) -> Recipe:
    shared = _shared(source)
    places = _places(source, path, shared, files_required)
    shared = _located(shared, places)
    return Recipe(shared, tuple(_steps(source, shared, places, kinds)))


def _shared(source: Source) -> Shared:
    values = {key: value for key, value in source.tree.items() if key != "steps"}
    for key in values:
        if key not in Shared.model_fields:
            raise unknown_key(key, [*Shared.model_fields, "steps"], source.where((key,)))
    return read_settings(Shared, values, source.where)


def _places(source: Source, path: Path, shared: Shared, required: bool) -> Places:
    """Beside the recipe, then the working folder; for what `--set` names, the other way round."""
    # nothing lies beside a built-in recipe
    around = (Path.cwd(),) if path.parent == BUILT_IN else (path.parent, Path.cwd())
    if shared.data_dir is None:
        return Places(around, around, required)
    set_by_hand = source.where(("data_dir",)).startswith("--set")
    data_dir = located(shared.data_dir, around[::-1] if set_by_hand else around)
    if required and not data_dir.is_dir():
        raise DataProblem("folder-missing", path=data_dir)
    return Places((data_dir.resolve(),), around, required)


def _located(shared: Shared, places: Places) -> Shared:
    """Absolute paths where the shared keys name folders of this machine."""
    model = located(Path(shared.model), places.model_folders)
    named = {"model": str(model.resolve())} if shared.model != "tiny" and model.is_dir() else {}
    data_dir = {"data_dir": places.data_folders[0]} if shared.data_dir is not None else {}
    return shared.model_copy(update={**named, **data_dir})


class _Entry(NamedTuple):
    """A step as it was written, its kind known."""

    use: str
    kind: Kind
    inputs: dict[str, tuple[str, ...]]
    settings: dict[str, Any]


def _steps(source: Source, shared: Shared, places: Places, kinds: Mapping[str, Kind]) -> list[Step]:
    entries = {name: _entry(source, name, shared, kinds) for name in source.tree["steps"]}
    known = Known({name: entry.kind for name, entry in entries.items()}, places)
    steps = {name: _step(source, name, entry, shared, known) for name, entry in entries.items()}
    return [steps[name] for name in running_order({name: step.waits_for for name, step in steps.items()})]


def _entry(source: Source, name: str, shared: Shared, kinds: Mapping[str, Kind]) -> _Entry:
    at = ("steps", name)
    _check_name(name, source.where(at))
    written = source.tree["steps"][name]
    if not isinstance(written, dict) or "use" not in written:
        raise UsageProblem("recipe-step-use", where=source.where(at), step=name, kinds=", ".join(kinds))
    use = written["use"]
    if use not in kinds:
        close = nearest(str(use), list(kinds)) or ", ".join(kinds)
        raise UsageProblem("recipe-unknown-kind", where=source.where((*at, "use")), kind=use, nearest=close)
    kind = kinds[use]
    fields = [*kind.inputs, *kind.settings.model_fields]
    for key in written:
        if key != "use" and key not in fields:
            raise unknown_key(key, fields, source.where((*at, key)))
    inputs = {field: _names(written, field, kind.inputs[field], source, at) for field in kind.inputs}
    settings = {key: written[key] for key in kind.settings.model_fields if key in written}
    return _Entry(use, kind, inputs, _shared_defaults(shared, kind) | settings)


def _check_name(name: str, where: str) -> None:
    if not STEP_NAME.fullmatch(name) or name.lower() in RESERVED or name in [*Shared.model_fields, "steps"]:
        raise UsageProblem("recipe-step-name", where=where, step=name)


def _shared_defaults(shared: Shared, kind: Kind) -> dict[str, Any]:
    values = shared.model_dump(mode="json", exclude=set(OWN))
    return {key: value for key, value in values.items() if key in kind.settings.model_fields}


def _names(
    written: dict[str, Any], field: str, wanted: Input, source: Source, at: KeyPath
) -> tuple[str, ...]:
    """The references of one input as they were written: one, a list, or the names of a mapping."""
    given = written.get(field)
    if given is None or given == []:
        return ()
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, list | dict) else [given]
    form_fits = wanted.mapping == isinstance(given, dict) and (wanted.many or len(names) == 1)
    if not form_fits or not all(isinstance(name, str) and name for name in names):
        expected = "name: number" if wanted.mapping else "[name, …]" if wanted.many else "name"
        raise UsageProblem(
            "recipe-value",
            where=source.where((*at, field)),
            field=field,
            value=repr(given)[:80],
            expected=expected,
        )
    return tuple(names)


def _step(source: Source, name: str, entry: _Entry, shared: Shared, known: Known) -> Step:
    at = ("steps", name)
    inputs = {field: _references(source, at, field, entry, shared, known) for field in entry.kind.inputs}
    settings = read_settings(entry.kind.settings, entry.settings, source.where, at)
    _check_template(settings, source, at)
    written = with_paths(settings, lambda path: _files(path, known.places, source.where(at)))
    given = {field: references for field, references in inputs.items() if references}
    return Step(name, entry.use, entry.kind, written, scaled(written, shared.scale), given)


def _check_template(settings: Frozen, source: Source, at: KeyPath) -> None:
    """A name the catalogue does not have would only be found when its step comes, perhaps hours later."""
    name = getattr(settings, "template", None)
    if isinstance(name, str) and name not in TEMPLATES:
        in_step = (*at, "template") in source.origins
        where = source.where((*at, "template") if in_step else ("template",))
        close = nearest(name, list(TEMPLATES)) or "-"
        known = ", ".join(TEMPLATES)
        raise UsageProblem("recipe-unknown-template", where=where, name=name, nearest=close, known=known)


def _references(
    source: Source, at: KeyPath, field: str, entry: _Entry, shared: Shared, known: Known
) -> tuple[Reference, ...]:
    wanted = entry.kind.inputs[field]
    names = entry.inputs[field]
    if not names and not wanted.optional:
        if wanted.record != "Model" or wanted.many or shared.model == "tiny":
            raise UsageProblem(
                "recipe-missing-input", where=source.where(at), field=field, record=wanted.record
            )
        names = (shared.model,)
    where = source.where((*at, field))
    references = tuple(resolved(name, wanted, known, where) for name in names)
    model_names = [reference.model_name for reference in references]
    if wanted.record == "Model" and len(set(model_names)) < len(model_names):
        raise UsageProblem("reference-twice", where=where, names=", ".join(model_names))
    return references


def _files(written: Path, places: Places, where: str) -> list[Path]:
    """The file, the folder, or what a pattern matches, in the order of names."""
    path = located(written, places.data_folders)
    if path.exists():
        return [path.resolve()]
    pattern = str(written)
    if any(mark in pattern for mark in "*?[") and not written.is_absolute():
        for folder in places.data_folders:
            if found := sorted(folder.glob(pattern)):
                return [file.resolve() for file in found]
    if not places.required:
        return [path]
    raise DataProblem("file-missing-for", where=where, path=path)


def _written_out(step: Step) -> dict[str, Any]:
    inputs = {field: _input_written_out(step.kind.inputs[field], refs) for field, refs in step.inputs.items()}
    settings = step.written.model_dump(mode="json")
    return {"use": step.use, **inputs, **settings}


def _input_written_out(wanted: Input, references: tuple[Reference, ...]) -> Any:
    names = [str(ref.path.resolve()) if ref.path else ref.written for ref in references]
    return names if wanted.many else names[0]


class _Dumper(yaml.SafeDumper):
    """Quotes every text that the strict reader, or an older one, would take for something else."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        plain = yaml_strict.scalar(text, "-") == text
    except UsageProblem:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


_Dumper.add_representer(str, _text)


def _as_yaml(value: dict[str, Any]) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
