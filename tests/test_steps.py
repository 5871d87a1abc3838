"""The table of steps tells the truth: rows lead to code, settings are explained, recipes fit."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from dajeong import records
from dajeong.recipe import load
from dajeong.schema import recipe_schema
from dajeong.steps import KINDS
from shared_data import SHARED, needs_shared
from source_tree import SRC

RECORDS = {"Model", "Reject", "Any", *(name for name in vars(records) if name[0].isupper())}


@pytest.mark.parametrize("use", KINDS)
def test_a_row_leads_to_a_function_of_settings_and_workplace(use: str) -> None:
    module, function = KINDS[use].run.split(":")
    path = SRC / (module.replace(".", "/") + ".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == function)
    assert [argument.arg for argument in found.args.args] == ["settings", "work"]
    annotation = found.args.args[0].annotation
    assert annotation is not None and ast.unparse(annotation) == KINDS[use].settings.__name__


@pytest.mark.parametrize("use", KINDS)
def test_inputs_and_outputs_are_records_that_exist(use: str) -> None:
    kind = KINDS[use]
    read = {record for wanted in kind.inputs.values() for record in wanted.record.split("|")}
    assert read | set(kind.outputs.values()) <= RECORDS
    for name, wanted in kind.inputs.items():
        assert (name in kind.settings.model_fields) == wanted.mapping, (
            "an input is a setting only as a mapping"
        )
    assert kind.named_by is None or kind.named_by in kind.settings.model_fields


def _properties(schema: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return []
    here = [
        (f"{path}.{name}", value) for name, value in schema.get("properties", {}).items() if name != "use"
    ]
    return here + [found for key, value in schema.items() for found in _properties(value, f"{path}.{key}")]


def test_every_setting_is_explained() -> None:
    assert [name for name, described in _properties(recipe_schema()) if "description" not in described] == []


def test_only_epochs_updates_and_row_caps_are_scaled() -> None:
    marked = {name for name, described in _properties(recipe_schema()) if described.get("scaled")}
    allowed = re.compile(r"\.(epochs|updates|num_\w+|max_(records|prompts|ranked|contrasts))$")
    assert [name for name in marked if not allowed.search(name)] == []


def test_the_demo_is_checked_whole_and_is_the_default_chain(tmp_path: Path) -> None:
    demo = load("demo")
    assert [step.use for step in demo.steps] == [
        "smalltalk", "base", "sft", "replies", "pairs", "reward", "ppo", "reward-report", "evaluate",
    ]  # fmt: skip
    mine = tmp_path / "mine.yaml"
    mine.write_text("seed: 3\n", encoding="utf-8")
    chain = load(mine, ["ppo.updates=7"])
    assert [step.name for step in chain.steps] == [step.name for step in demo.steps]
    assert (chain.shared.name, chain.shared.seed, chain.shared.threads) == ("mine", 3, demo.shared.threads)
    assert next(step for step in chain.steps if step.name == "ppo").settings.updates == 7
    mine.write_text("", encoding="utf-8")
    assert load(mine).shared.name == "mine"


@needs_shared
@pytest.mark.parametrize("name", ["demo", "friendly-rlhf"])
def test_a_recipe_fits_the_real_files(name: str) -> None:
    recipe = load(name, [f"data_dir={SHARED / 'vaiv'}", "scale=0.1"])
    assert recipe.shared.name == name
    assert load_again(recipe.resolved(), name) == recipe.resolved()


def load_again(text: str, name: str) -> str:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path).resolved()
