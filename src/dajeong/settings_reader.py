"""From plain values to a settings model: refusals with line and nearest key, nested defaults, paths, scale.

Knows pydantic and where each value came from; knows no step and no run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dajeong.errors import UsageProblem
from dajeong.records import Frozen
from dajeong.references import nearest
from dajeong.remote.secrets import without_keys
from dajeong.yaml_strict import KeyPath

M = TypeVar("M", bound=BaseModel)

Where = Callable[[KeyPath], str]
"""Key path → `file:line`, or the `--set` that brought it."""


def read_settings(model: type[M], values: Mapping[str, Any], where: Where, at: KeyPath = ()) -> M:
    """The values as a model, strictly typed. `at` is the key path of `values` in its file."""
    try:
        return model.model_validate_json(json.dumps(_filled(model, values)), strict=True)
    except ValidationError as problem:
        raise _explained(problem, model, values, where, at) from problem


def unknown_key(key: str, known: Sequence[str], where: str) -> UsageProblem:
    """The refusal of a key nobody knows."""
    close = nearest(key, known)
    if close is None:
        return UsageProblem("recipe-unknown-key-listed", where=where, key=key, known=", ".join(known) or "-")
    return UsageProblem("recipe-unknown-key", where=where, key=key, nearest=close)


def _filled(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """A part given of a nested model keeps the rest of that field's own default."""
    return {key: _filled_field(model.model_fields.get(key), value) for key, value in values.items()}


def _filled_field(field: FieldInfo | None, value: Any) -> Any:
    if field is None or not isinstance(value, dict) or not isinstance(field.default, BaseModel):
        return value
    given = _filled(type(field.default), value)
    return field.default.model_dump(mode="json") | given


def _explained(
    problem: ValidationError, model: type[BaseModel], values: Mapping[str, Any], where: Where, at: KeyPath
) -> UsageProblem:
    errors = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
    first = errors[0]
    path = _key_path(values, first)
    place = where((*at, *path))
    field = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        return unknown_key(str(path[-1]), _known_keys(model, path[:-1]), place)
    if first["type"] == "missing":
        return UsageProblem("recipe-missing-key", where=place, key=str(first["loc"][-1]))
    expected = first["msg"].removeprefix("Value error, ")
    # people paste keys where the name of a variable belongs
    value = "***" if field.endswith("key_env") else without_keys(repr(first.get("input")), None)[:80]
    return UsageProblem("recipe-value", where=place, field=field or "-", value=value, expected=expected)


def _key_path(values: Any, error: ErrorDetails) -> KeyPath:
    """pydantic's location without the tags it adds for unions: only keys and indices that are in `values`."""
    path: list[str | int] = []
    for part in error["loc"]:
        in_mapping = isinstance(values, dict) and part in values
        in_list = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if in_mapping or in_list:
            values = values[part]
            path.append(part)
    return tuple(path)


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    models = [model]
    for part in path:
        fields = [field for each in models if (field := each.model_fields.get(str(part)))]
        if fields:
            models = [found for field in fields for found in models_in(field.annotation)]
    return [name for each in models for name in each.model_fields]


def models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    """The settings models an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


F = TypeVar("F", bound=Frozen)


def scaled(settings: F, scale: float) -> F:
    """Fields marked `scaled`, multiplied: whole numbers stay at least 2 (or what they were), None None."""
    changes: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        extra = field.json_schema_extra
        if isinstance(value, Frozen):
            changes[name] = scaled(value, scale)
        elif isinstance(extra, dict) and extra.get("scaled") and value is not None:
            changes[name] = _multiplied(value, scale)
    return settings.model_copy(update=changes)


def _multiplied(value: int | float, scale: float) -> int | float:
    if isinstance(value, int):
        return max(min(value, 2), round(value * scale))
    return value * scale


def with_paths(settings: F, locate: Callable[[Path], list[Path]]) -> F:
    """Every path in the settings, located; a pattern in a list of paths becomes the files it matches."""
    changes: dict[str, Any] = {}
    for name, value in _fields(settings):
        if isinstance(value, Frozen):
            changes[name] = with_paths(value, locate)
        elif _holds_paths(settings, name, value):
            one = not isinstance(value, tuple)
            kind = type(value if one else value[0])
            found = [kind(path) for item in ([value] if one else value) for path in locate(Path(item))]
            changes[name] = _only(value, found) if one else tuple(found)
    return settings.model_copy(update=changes)


def _fields(settings: Frozen) -> list[tuple[str, Any]]:
    return [(name, getattr(settings, name)) for name in type(settings).model_fields]


def _holds_paths(settings: Frozen, name: str, value: Any) -> bool:
    """A field of paths has them for values, or carries the mark `path` where its values are text."""
    if isinstance(value, Path) or (
        isinstance(value, tuple) and any(isinstance(item, Path) for item in value)
    ):
        return True
    extra = type(settings).model_fields[name].json_schema_extra
    return bool(value) and isinstance(extra, dict) and bool(extra.get("path"))


def _only(written: Path, found: list[Path]) -> Path:
    if len(found) != 1:
        raise UsageProblem("path-not-one", path=written, count=len(found))
    return found[0]


def paths_in(settings: Frozen) -> list[Path]:
    """Every path the settings hold, nested ones too."""
    found: list[Path] = []
    for name, value in _fields(settings):
        if isinstance(value, Frozen):
            found += paths_in(value)
        elif _holds_paths(settings, name, value):
            found += [Path(item) for item in (value if isinstance(value, tuple) else [value])]
    return found
