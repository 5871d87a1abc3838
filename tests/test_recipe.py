"""A recipe is checked whole before anything runs: what is wrong is named with its line, the rest is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dajeong import yaml_strict
from dajeong.errors import DajeongError, DataProblem, EnvironmentProblem, UsageProblem
from dajeong.recipe import Recipe, Step, load
from dajeong.steps import Input
from tiny_kinds import CHAIN, KINDS, LearnSettings, MakeSettings, MixSettings

Write = Callable[..., Path]
W = "steps:\n  w: {use: make}\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a recipe beside which relative paths lie; the working folder is elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    def _write(text: str, name: str = "recipe.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def step(recipe: Recipe, name: str) -> Step:
    return next(step for step in recipe.steps if step.name == name)


def refused(path: Path, *overrides: str) -> DajeongError:
    with pytest.raises(DajeongError) as caught:
        load(path, overrides, KINDS)
    return caught.value


def test_settings_inputs_and_shared_defaults(write: Write) -> None:
    recipe = load(write(CHAIN), kinds=KINDS)
    sft = step(recipe, "sft").settings
    assert isinstance(sft, LearnSettings)
    assert (sft.updates, sft.deep.rate, sft.deep.depth) == (40, 1e-4, 3)
    assert sft.template == "kullm", "a shared key is the default of a step that has it"
    world = step(recipe, "world").settings
    assert isinstance(world, MakeSettings) and world.seed == 3
    assert [step.name for step in recipe.steps] == ["world", "sft", "ppo", "check"]
    assert [ref.step for ref in step(recipe, "check").inputs["models"]] == ["sft", "ppo"]
    assert step(recipe, "check").inputs["prompts"][0].output == "rows"


def test_the_name_is_the_file_name_by_default(write: Write) -> None:
    for file, name in (("내것.yaml", "내것"), ("a+b (2).yaml", "a-b -2-"), ("+.yaml", "recipe")):
        assert load(write("steps: {w: {use: make}}", file), kinds=KINDS).shared.name == name


def test_steps_run_after_those_they_read_from(write: Write) -> None:
    path = write("steps:\n  b: {use: learn, data: a}\n  a: {use: make}\n  c: {use: make}\n")
    assert [step.name for step in load(path, kinds=KINDS).steps] == ["a", "b", "c"]


def test_json_recipes_work(write: Write) -> None:
    tree = {"steps": {"world": {"use": "make", "num_rows": 5}}}
    path = write(json.dumps(tree, indent="\t"), "recipe.json")
    assert step(load(path, kinds=KINDS), "world").settings.num_rows == 5


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("nmae: x\nsteps: {w: {use: make}}", "recipe-unknown-key", 1, "name"),
        ("steps:\n  w:\n    use: make\n    num_row: 3\n", "recipe-unknown-key", 4, "num_rows"),
        (W + "  s:\n    use: learn\n    data: w\n    deep:\n      rte: 1\n", "recipe-unknown-key", 7, "rate"),
        (W + "  s: {use: learn, data: w,\n   maybe: {dept: 2}}\n", "recipe-unknown-key", 4, "depth"),
        ("steps:\n  w: {use: make, xyzzy: 3}\n", "recipe-unknown-key-listed", 2, "num_rows"),
        ("steps:\n  w: {use: makee}\n", "recipe-unknown-kind", 2, "make"),
        ("steps:\n  w: {num_rows: 2}\n", "recipe-step-use", 2, "make"),
        ("steps:\n  w: make\n", "recipe-step-use", 2, "make"),
        ("steps:\n  w: {use: make, num_rows: '5'}\n", "recipe-value", 2, "num_rows"),
        ("steps:\n  w: {use: make, num_rows: 0}\n", "recipe-value", 2, "greater than"),
        ("steps:\n  w: {use: make, word: 5}\n", "recipe-value", 2, "string"),
        ("seed: -1\nsteps: {w: {use: make}}", "recipe-value", 1, "seed"),
        ("scale: 2\nsteps: {w: {use: make}}", "recipe-value", 1, "scale"),
        ("template: kulm\n" + W + "  s: {use: learn, data: w}\n", "recipe-unknown-template", 1, "kullm"),
        (W + "  s: {use: learn, data: w, maybe: {depth: 2}}\n", "recipe-missing-key", 3, "rate"),
        ("steps:\n  s: {use: learn}\n", "recipe-missing-input", 2, "data"),
        (W + "  s: {use: learn, data: ww}\n", "reference-unknown", 3, "w"),
        (W + "  s: {use: learn, data: w/row}\n", "reference-unknown", 3, "w/rows"),
        (W + "  s: {use: learn, data: w/extra}\n", "reference-type", 3, "Preference"),
        (W + "  s: {use: learn, data: w, model: w}\n", "reference-type", 3, "Model"),
        (W + "  s: {use: learn, data: w}\n  t: {use: learn, data: s}\n", "reference-type", 4, "Model"),
        (W + "  s: {use: learn, data: w, model: [w]}\n", "reference-type", 3, "Model"),
        (W + "  m: {use: mix, rewards: w}\n", "recipe-value", 3, "rewards"),
        (W + "  s: {use: learn, data: {w: 1}}\n", "recipe-value", 3, "data"),
        (W + "  s: {use: learn, data: [w, 3]}\n", "recipe-value", 3, "data"),
        ("steps:\n  ../up: {use: make}\n", "recipe-step-name", 2, "../up"),
        ("steps:\n  con: {use: make}\n", "recipe-step-name", 2, "con"),
        ("steps:\n  model: {use: make}\n", "recipe-step-name", 2, "model"),
        ("- a\n- b\n", "recipe-not-mapping", None, "steps"),
        ("steps: [a]\n", "recipe-not-mapping", None, "steps"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(
    write: Write, text: str, code: str, line: int | None, says: str
) -> None:
    problem = refused(write(text))
    assert problem.code == code
    assert says in str(problem)
    assert problem.exit_code == 2
    assert line is None or f"recipe.yaml:{line}:" in str(problem)


def test_circles_are_refused(write) -> None:
    text = "".join(f"  {a}: {{use: learn, data: w, model: {b}}}\n" for a, b in ("ac", "ba", "cb"))
    problem = refused(write(W + text))
    assert problem.code == "recipe-circle" and "a → c → b → a" in str(problem)


def test_overrides_reach_any_depth_and_the_last_wins(write: Write) -> None:
    path = write(CHAIN)
    overrides = ["steps.sft.deep.depth=9", "sft.deep.depth=8", "sft.updates=null", "seed=5"]
    overrides += ["check.models=[ppo]", "world.word='010'", "name=다른 이름", "ppo.maybe.rate=1e-2"]
    recipe = load(path, overrides, KINDS)
    sft = step(recipe, "sft").settings
    assert isinstance(sft, LearnSettings)
    assert (sft.deep.depth, sft.deep.rate, sft.updates) == (8, 1e-4, None)
    assert step(recipe, "world").settings.word == "010"
    assert recipe.shared.seed == 5 and recipe.shared.name == "다른 이름"
    assert [ref.written for ref in step(recipe, "check").inputs["models"]] == ["ppo"]
    assert step(recipe, "ppo").settings.maybe.rate == 0.01


@pytest.mark.parametrize(
    ("override", "code", "says"),
    [
        ("sft.updats=3", "recipe-unknown-key", "updates"),
        ("steps.sfx.updates=3", "recipe-unknown-key", "sft"),
        ("sfx.updates=3", "recipe-unknown-key", "sft"),
        ("sft.deep.dept=3", "recipe-unknown-key", "depth"),
        ("scal=0.5", "recipe-unknown-key", "scale"),
        ("seed.x=1", "recipe-unknown-key", "seed"),
        ("sft.updates=many", "recipe-value", "updates"),
        ("sft.updates=010", "yaml-leading-zero", "10"),
        ("sft.updates", "override-form", "key=value"),
        ("=3", "override-form", "key=value"),
        ("check.models=[ppo", "yaml-syntax", "--set"),
    ],
)
def test_a_bad_override_is_named(write: Write, override: str, code: str, says: str) -> None:
    problem = refused(write(CHAIN), override)
    assert problem.code == code and problem.exit_code == 2
    assert "--set" in str(problem) and says in str(problem)


def test_scale_multiplies_marked_fields_only(write: Write) -> None:
    recipe = load(write(CHAIN), ["scale=0.1", "ppo.maybe={rate: 1.0}"], KINDS)
    sft, ppo, world = (step(recipe, name).settings for name in ("sft", "ppo", "world"))
    assert (
        isinstance(sft, LearnSettings) and isinstance(ppo, LearnSettings) and isinstance(world, MakeSettings)
    )
    assert (sft.updates, sft.epochs, sft.max_tokens, sft.deep.rate) == (4, 0.1, 64, 1e-4)
    assert ppo.updates is None
    assert world.num_rows == 3
    assert load(write(CHAIN), ["scale=0.01"], KINDS).steps[1].settings.updates == 2


def test_a_mapping_names_inputs_and_is_a_setting(write: Write) -> None:
    path = write(CHAIN + "  both: {use: mix, rewards: {sft: .7, ppo: .3}}\n")
    both = step(load(path, kinds=KINDS), "both")
    assert [ref.step for ref in both.inputs["rewards"]] == ["sft", "ppo"]
    assert both.settings == MixSettings(rewards={"sft": 0.7, "ppo": 0.3})


def test_paths_lie_below_data_dir_else_beside_the_recipe_else_here(write: Write, tmp_path: Path) -> None:
    text = "steps: {r: {use: read, paths: [a.txt]}}"
    for folder in ("", "data", "elsewhere"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "a.txt").write_text(folder, encoding="utf-8")

    def found(*overrides: str) -> Path:
        return step(load(write(text), overrides, KINDS), "r").settings.paths[0]

    assert found() == tmp_path / "a.txt"
    assert found("data_dir=../data") == tmp_path / "data" / "a.txt", "--set starts from the working folder"
    assert found("data_dir=data") == tmp_path / "data" / "a.txt"
    (tmp_path / "a.txt").unlink()
    assert found() == tmp_path / "elsewhere" / "a.txt"
    assert refused(write(text), "data_dir=nowhere").exit_code == 3
    (tmp_path / "data" / "a.txt").unlink()
    assert refused(write(text), "data_dir=data").exit_code == 3, "with data_dir, nowhere else is looked"


def test_a_pattern_becomes_the_files_it_matches(write: Write, tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    recipe = load(write("steps: {r: {use: read, paths: ['*.txt'], one: c.md, marked: [c*]}}"), kinds=KINDS)
    settings = step(recipe, "r").settings
    assert [path.name for path in settings.paths] == ["a.txt", "b.txt"]
    assert settings.one == tmp_path / "c.md"
    assert settings.marked == (str(tmp_path / "c.md"),)


def test_records_and_models_from_outside(write: Write, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    learn = "{use: learn, data: rows.jsonl, model: "
    text = f"steps:\n  a: {learn}mine}}\n  b: {learn}owner/name}}\n"
    recipe = load(write(text), kinds=KINDS)
    assert step(recipe, "a").inputs["data"][0].path == tmp_path / "rows.jsonl"
    assert step(recipe, "a").inputs["model"][0].path == tmp_path / "mine"
    hub = step(recipe, "b").inputs["model"][0]
    assert (hub.path, hub.step, hub.written, hub.model_name) == (None, None, "owner/name", "name")


@pytest.mark.parametrize(
    ("entry", "kind", "exit_code"),
    [
        ("{use: learn, data: none.jsonl}", DataProblem, 3),
        ("{use: learn, data: ./none}", DataProblem, 3),
        ("{use: learn, data: w, model: ./none}", EnvironmentProblem, 4),
        ("{use: learn, data: w, model: a/b/c}", EnvironmentProblem, 4),
        ("{use: read, paths: [none.txt]}", DataProblem, 3),
        ("{use: read, paths: ['*.none']}", DataProblem, 3),
        ("{use: learn, data: w, model: tiny}", UsageProblem, 2),
    ],
)
def test_what_is_not_there_is_refused_at_once(write: Write, entry: str, kind: type, exit_code: int) -> None:
    problem = refused(write(W + f"  s: {entry}\n"))
    assert isinstance(problem, kind) and problem.exit_code == exit_code
    assert "recipe.yaml:3" in str(problem)


def test_the_shared_model_is_the_default_of_a_needed_model(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = KINDS["learn"].inputs | {"model": Input("Model")}
    monkeypatch.setitem(KINDS, "learn", KINDS["learn"]._replace(inputs=needed))
    path = write(W + "  s: {use: learn, data: w}\n")
    assert refused(path).code == "recipe-missing-input", "tiny must be trained by a step"
    recipe = load(path, ["model=owner/base"], KINDS)
    assert step(recipe, "s").inputs["model"][0].written == "owner/base"


def test_two_models_of_one_name_are_refused(write) -> None:
    text = W + "  c: {use: check, models: [a/same, b/same], prompts: w}\n"
    assert refused(write(text)).code == "reference-twice"


def test_resolved_is_the_same_recipe_with_every_default(write: Write, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    text = CHAIN + "  both: {use: mix, rewards: {sft: .7}}\n  r: {use: read, paths: [a.txt]}\n"
    overrides = ["scale=0.5", "world.word='1e-4'", "check.note='no'"]
    first = load(write(text), overrides, KINDS)
    again = tmp_path / "again.yaml"
    again.write_text(first.resolved(), encoding="utf-8")
    second = load(again, kinds=KINDS)
    assert second.resolved() == first.resolved()
    assert [(s.name, s.settings) for s in second.steps] == [(s.name, s.settings) for s in first.steps]
    assert "depth: 3" in first.resolved() and "max_tokens: 64" in first.resolved()
    loose = yaml.safe_load(first.resolved())
    assert loose == yaml_strict.parse(first.resolved(), "r").value, "other YAML readers see the same values"


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageProblem) as caught:
        load("demoo")
    assert "demo" in str(caught.value)
    with pytest.raises(DataProblem):
        load("nowhere/demo.yaml")
