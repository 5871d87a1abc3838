"""The product's own source as syntax trees, for the tests that read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

SRC = Path(__file__).resolve().parents[1] / "src"


class Module(NamedTuple):
    name: str
    """`dajeong.training.loop`."""
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """`training` for a file of that package, `recipe` for `dajeong/recipe.py`."""
        return self.name.split(".")[1] if "." in self.name else self.name


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_module(path) for path in sorted(SRC.glob("dajeong/**/*.py")))


def _module(path: Path) -> Module:
    parts = path.relative_to(SRC).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))


def parsed(name: str, source: str) -> Module:
    """A module that is not there, to see a test fail."""
    return Module(name, SRC / "invented.py", ast.parse(source))


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call and the last part of what is called: `f()` and `a.b.f()` are both `f`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            yield name, node


def place(module: Module, node: ast.AST) -> str:
    return f"{module.path.relative_to(SRC)}:{getattr(node, 'lineno', 1)}"
