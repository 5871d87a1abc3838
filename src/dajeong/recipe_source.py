"""The written form of a recipe: its tree of plain values, where each was written, and `--set` on top of it.

Finds recipe files, built-in ones by name. Knows no settings and no kinds of steps.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dajeong import yaml_strict
from dajeong.errors import DataProblem, UsageProblem
from dajeong.references import nearest
from dajeong.settings_reader import unknown_key
from dajeong.yaml_strict import KeyPath

BUILT_IN = Path(__file__).parent / "recipes"


def built_in_names() -> list[str]:
    return sorted(path.stem for path in BUILT_IN.glob("*.yaml"))


def find(recipe: str | Path) -> Path:
    """The file of a recipe: a built-in name, else a path."""
    path = Path(recipe).expanduser()
    if path.is_file():
        return path
    if str(recipe) in built_in_names():
        return BUILT_IN / f"{recipe}.yaml"
    if path.suffix or len(path.parts) > 1:
        raise DataProblem("file-missing", path=path)
    close = nearest(str(recipe), built_in_names())
    raise UsageProblem(
        "recipe-unknown", recipe=recipe, known=", ".join(built_in_names()), nearest=close or "demo"
    )


class Source:
    """The tree of values a recipe is made of, and where each of them was written."""

    def __init__(self, tree: dict[str, Any], origins: dict[KeyPath, str]) -> None:
        self.tree = tree
        self.origins = origins

    @classmethod
    def read(cls, path: Path) -> Source:
        document = yaml_strict.read(path)
        value = {} if document.value is None else copy.deepcopy(document.value)
        if not isinstance(value, dict) or not isinstance(value.get("steps") or {}, dict):
            raise UsageProblem("recipe-not-mapping", path=path)
        return cls(value, {key: f"{path}:{line}" for key, line in document.lines.items()})

    def where(self, path: KeyPath) -> str:
        """`file:line`, or the `--set`, that brought the key or its nearest parent."""
        parents = (path[:end] for end in range(len(path), -1, -1))
        return next((self.origins[parent] for parent in parents if parent in self.origins), "-")

    def take_steps_from(self, other: Source) -> None:
        """The chain of another recipe; its shared keys are defaults of this one's."""
        own = {key: value for key, value in self.tree.items() if key != "steps"}
        self.tree = {**other.tree, **own}
        if "name" not in own:
            self.tree.pop("name", None)
        self.origins = {**other.origins, **self.origins}

    def override(self, text: str, shared_keys: Sequence[str]) -> None:
        """Apply one `a.b.c=value`. Raises UsageProblem where the path leads nowhere."""
        place = f"--set {text}"
        name, equals, value = text.partition("=")
        path = tuple(part.strip() for part in name.split("."))
        if not equals or not all(path):
            raise UsageProblem("override-form", override=text)
        path = self._full_path(path, shared_keys, place)
        values = self.tree
        for part in path[:-1]:
            if not isinstance(values.get(part), dict):
                values[part] = {}
            values = values[part]
        values[path[-1]] = _override_value(value, place)
        self.origins = {key: at for key, at in self.origins.items() if key[: len(path)] != path}
        self.origins[path] = place

    def _full_path(self, path: tuple[str, ...], shared_keys: Sequence[str], place: str) -> tuple[str, ...]:
        """`ppo.updates` is short for `steps.ppo.updates`."""
        steps = list(self.tree.get("steps") or {})
        if path[0] == "steps" and len(path) > 2:
            if path[1] not in steps:
                raise unknown_key(path[1], steps, place)
            return path
        if path[0] in steps and len(path) > 1:
            return ("steps", *path)
        if path[0] not in shared_keys or len(path) > 1:
            raise unknown_key(path[0], [*shared_keys, *steps], place)
        return path


def _override_value(text: str, place: str) -> Any:
    """A plain scalar by the strict rules; a list, a mapping or quoted text as YAML."""
    if text.lstrip()[:1] in ("[", "{", '"', "'"):
        return yaml_strict.parse(text, place).value
    return yaml_strict.scalar(text.strip(), place)
