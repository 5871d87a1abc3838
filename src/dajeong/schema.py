"""The JSON Schema of every recipe: what an editor needs to complete keys and to show what they mean.

Built from the settings models themselves, with the sentence under each field as its description.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from dajeong.recipe import STEP_NAME, Shared
from dajeong.settings_reader import models_in
from dajeong.steps import KINDS, Input, Kind

REFERENCE = "#/$defs/{model}"


def recipe_schema(kinds: Mapping[str, Kind] = KINDS) -> dict[str, Any]:
    """A draft 2020-12 schema. Nested settings need no key there: what is left out keeps its default."""
    definitions: dict[str, Any] = {}
    schema = _schema_of(Shared, definitions)
    for use, kind in kinds.items():
        definitions[f"step {use}"] = _step(use, kind, definitions)
    steps = [{"$ref": REFERENCE.format(model=f"step {use}")} for use in kinds]
    schema["properties"]["steps"] = {
        "type": "object",
        "description": "Name → step. Left out, the chain of the demo runs.",
        "propertyNames": {"pattern": f"^{STEP_NAME.pattern}$"},
        "additionalProperties": {"oneOf": steps},
    }
    schema["required"] = []
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **schema, "title": "dajeong recipe", "$defs": definitions}


def _step(use: str, kind: Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _schema_of(kind.settings, definitions)
    inputs = {name: _input(wanted) for name, wanted in kind.inputs.items() if not wanted.mapping}
    schema["properties"] = {"use": {"const": use}, **inputs, **schema.get("properties", {})}
    needed = [
        name for name, wanted in kind.inputs.items() if not wanted.optional and wanted.record != "Model"
    ]
    own = [name for name in schema.get("required", []) if name not in Shared.model_fields]
    return {**schema, "required": list(dict.fromkeys(["use", *needed, *own]))}


def _input(wanted: Input) -> dict[str, Any]:
    one = {"type": "string"}
    described = {"description": f"{wanted.record}: a step, step/output, or a path."}
    if not wanted.many:
        return {**one, **described}
    return {"anyOf": [one, {"type": "array", "items": one}], **described}


def _schema_of(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """The model's own schema; the models it mentions go to `definitions`."""
    schema = model.model_json_schema(ref_template=REFERENCE)
    nested = schema.pop("$defs", {})
    for each in _with_nested(model):
        target = schema if each is model else nested[each.__name__]
        for name, sentence in _sentences(each).items():
            target["properties"][name].setdefault("description", sentence)
        if each is not model:
            target.pop("required", None)
    definitions.update(nested)
    return schema


def _with_nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for nested in models_in(field.annotation):
            yield from _with_nested(nested)


def _sentences(model: type[BaseModel]) -> dict[str, str]:
    """Field → the text under it in the source, a subclass's own before its parents'."""
    found: dict[str, str] = {}
    for each in model.__mro__:
        if issubclass(each, BaseModel) and each is not BaseModel:
            found = _under_fields(each) | found
    return {name: sentence for name, sentence in found.items() if name in model.model_fields}


def _under_fields(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):
        return {}  # no source at hand, as in a frozen application: the schema is complete without sentences
    body = ast.parse(source).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(under.value.value.split())
        for field, under in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(under, ast.Expr) and isinstance(under.value, ast.Constant)
        if isinstance(under.value.value, str)
    }
