"""What the pages of the documentation name is there: tests that show a promise, files, exit codes, events."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dajeong import errors
from source_tree import modules

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tests_and_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`((?:tests|docs|src)/[\w./-]+\.\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_promise_names_its_test() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    promises = page[: page.index("## What can still go wrong")]
    rows = re.findall(r"^\| (?!-|where|it could|exit|what \| follows|\d)(.*) \|$", promises, re.MULTILINE)
    assert len(rows) > 12 and [row for row in rows if "`tests/" not in row] == []


def kinds_of_error(kind: type[errors.DajeongError] = errors.DajeongError) -> Iterator[int]:
    yield kind.exit_code
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__ and below is not errors.Stopped:
            yield from kinds_of_error(below)


@pytest.mark.parametrize("name", ["docs/reliability.md", "README.md", "README.ko.md"])
def test_the_table_of_exit_codes_is_the_tree_of_errors(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    codes = [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)]
    assert codes == sorted({0, *kinds_of_error()}) and "| 130, 143 |" in page


def events_and_fields() -> Iterator[tuple[str, str, str]]:
    """(place, event, field) of every journal entry whose name and fields the source spells out."""
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called, event = ast.unparse(node.func), node.args[0].value
            if called == "Entry" or called.endswith("journal.write"):
                yield module.name, event, ""
                yield from ((module.name, event, word.arg) for word in node.keywords if word.arg)
                for given in node.args[1:]:
                    yield from ((module.name, event, key) for key in _keys(given, module.tree))


def _keys(given: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Keys of a dictionary written in place, or built under that name anywhere in the module."""
    if isinstance(given, ast.Dict):
        yield from (_written(key) for key in given.keys if key is not None)
    elif isinstance(given, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == given.id and node.value:
                yield from _keys(node.value, tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                target = node.targets[0]
                if ast.unparse(target.value) == given.id:
                    yield _written(target.slice)


def _written(key: ast.expr) -> str:
    """`of` for "of", `raw` for f"raw/{role}"."""
    first = key.values[0] if isinstance(key, ast.JoinedStr) else key
    return str(ast.literal_eval(first)).partition("/")[0]


def loss_terms() -> Iterator[tuple[str, str, str]]:
    """Terms that the algorithms' `coefficients` name."""
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if ast.unparse(target).removeprefix("self.") == "coefficients":
                    yield from (
                        (module.name, "update", ast.literal_eval(key)) for key in node.value.keys if key
                    )


def documented() -> dict[str, set[str]]:
    """Event → fields, from the tables under `## The journal` of docs/algorithms.md."""
    page = (ROOT / "docs" / "algorithms.md").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for event, rows in re.findall(r"^### `(\w+)`.*?\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL):
        first_cells = re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)
        names = {name for cell in first_cells for name in re.findall(r"`([\w/<>]+)`", cell)}
        found[event] = {name.partition("/")[0] for name in names}
    return found


def test_every_event_and_reading_of_the_journal_is_documented() -> None:
    told = documented()
    written = [*events_and_fields(), *loss_terms()]
    assert {event for _, event, _ in written} >= {"update", "rollout", "validation", "sample", "note"}
    assert len(written) > 30
    missing = [
        (where, event, name) for where, event, name in written if name and name not in told.get(event, set())
    ]
    assert missing == []
    assert {event for _, event, _ in written} == set(told)


def test_nothing_is_documented_that_is_not_written() -> None:
    written: dict[str, set[str]] = {}
    for _, event, name in (*events_and_fields(), *loss_terms()):
        written.setdefault(event, set()).add(name)
    told = {event: names for event, names in documented().items() if event in written}
    left = {event: sorted(names - written[event]) for event, names in told.items()}
    assert {event: names for event, names in left.items() if names} == {}
