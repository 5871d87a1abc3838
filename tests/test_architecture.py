"""The house of docs/structure.md holds: imports go down, rooms stay apart, nothing dangerous is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from source_tree import Module, calls, modules, parsed, place

LADDER = {
    7: "cli cli_bench cli_data cli_doctor cli_eval cli_export cli_export_model cli_grading "
    "cli_inspect cli_judge cli_label cli_making cli_plan cli_quality cli_serve cli_train "
    "one_file output terminal printing printing_data printing_inspection printing_plan __main__",
    6: "steps recipe recipe_source references settings_reader yaml_strict schema catalog "
    "pipeline ledger fingerprint run_folder lock surroundings team watch costs inspecting machine "
    "readiness "
    "plan plan_changes plan_learning plan_models plan_rollouts plan_sizes plan_workloads",
    5: "synthesis preference training evaluation planning report serving export tracking chat",
    4: "rollout judging",
    3: "models",
    2: "data templates template_texts chat_templates chat_sandbox statistics bootstrap agreement "
    "calibration power artefacts result_rows remote",
    1: "records storage journal errors messages progress workplace",
}
LEVEL = {room: level for level, rooms in LADDER.items() for room in rooms.split()}

FILES = [module for module in modules() if module.path.name != "__init__.py"]
NAMES = {module.name for module in FILES}


def imported(node: ast.AST) -> list[str]:
    """The modules an import statement names; `from a import b` is `a.b` where that is a module of ours."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = "." * node.level + (node.module or "")
    return [f"{base}.{alias.name}" if f"{base}.{alias.name}" in NAMES else base for alias in node.names]


def imports(module: Module) -> Iterator[tuple[str, str]]:
    """(place, module named) of every import, those inside functions too."""
    for node in ast.walk(module.tree):
        for name in imported(node):
            yield place(module, node), name


def room_of(name: str) -> str:
    return name.split(".")[1]


def upward(module: Module) -> Iterator[str]:
    """Imports that climb the ladder, or go sideways on its fifth step."""
    mine = LEVEL[module.room]
    for where, name in imports(module):
        if name.startswith("."):
            yield f"{where}: relative import {name}"
        if name.startswith("dajeong."):
            theirs = LEVEL[room_of(name)]
            if theirs > mine or (mine == theirs == 5 and room_of(name) != module.room):
                yield f"{where}: level {mine} imports {name} of level {theirs}"


def test_every_module_has_a_level() -> None:
    assert {module.room for module in FILES} <= set(LEVEL), "place the new room on the ladder above"


def test_imports_go_down_and_rooms_of_level_5_stay_apart() -> None:
    assert [problem for module in FILES for problem in upward(module)] == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dajeong.models.lora", "from dajeong.training.loop import Loop"),
        ("dajeong.training.ppo", "from dajeong.evaluation import figures"),
        ("dajeong.records", "def f():\n    import dajeong.storage, dajeong.recipe"),
        ("dajeong.data.read", "from .clean import Seen"),
    ],
)
def test_the_ladder_test_can_fail(name: str, line: str) -> None:
    assert list(upward(parsed(name, line)))


def heavy_below_the_models(module: Module) -> Iterator[str]:
    low = LEVEL[module.room] <= 2 or module.name.endswith(".settings")
    for where, name in imports(module):
        if low and name.split(".")[0] in ("torch", "transformers", "peft"):
            yield f"{where}: {name}"


def test_rooms_below_the_models_and_settings_never_import_torch() -> None:
    assert [problem for module in FILES for problem in heavy_below_the_models(module)] == []
    assert list(heavy_below_the_models(parsed("dajeong.training.settings", "import torch.nn")))


def at_import(module: Module) -> Iterator[str]:
    """What is imported as soon as the module is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = list(module.tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        yield from imported(node)
        waiting += ast.iter_child_nodes(node)


def test_no_import_cycles() -> None:
    graph = {module.name: {name for name in at_import(module) if name in NAMES} for module in FILES}
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail[trail.index(name) :], name])
        if name not in finished:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            finished.add(name)

    for name in sorted(NAMES):
        visit(name, ())


def test_packages_export_nothing() -> None:
    packages = [module for module in modules() if module.path.name == "__init__.py"]
    assert [module.name for module in packages if module.tree.body] == [], "a name has one address"


def test_a_file_opens_by_saying_what_it_is() -> None:
    assert [module.name for module in FILES if not ast.get_docstring(module.tree)] == []


FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
FORBIDDEN_CALLS = {
    "torch.load",
    "torch.save",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "os.system",
    "os.popen",
}
FORBIDDEN_CALLS |= {"eval", "exec", "compile", "__import__", "numpy.load", "np.load"}
FORBIDDEN_FLAGS = {"shell", "trust_remote_code", "allow_pickle"}


def dangers(module: Module) -> Iterator[str]:
    """Code that would run what it reads: pickles, evaluation, shells, remote code."""
    for where, name in imports(module):
        if name.split(".")[0] in FORBIDDEN_MODULES:
            yield f"{where}: imports {name}"
    for _, call in calls(module):
        if ast.unparse(call.func) in FORBIDDEN_CALLS:
            yield f"{place(module, call)}: {ast.unparse(call.func)}"
        for keyword in call.keywords:
            off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg in FORBIDDEN_FLAGS and not off:
                yield f"{place(module, call)}: {keyword.arg}"


def test_nothing_dangerous_is_imported_or_called() -> None:
    assert [problem for module in FILES for problem in dangers(module)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "torch.load(p)",
        "eval(x)",
        "run(c, shell=True)",
        "f(trust_remote_code=flag)",
        "yaml.load(t)",
    ],
)
def test_the_danger_test_can_fail(line: str) -> None:
    assert list(dangers(parsed("dajeong.cli", line)))


OPENING = {"open", "fdopen", "read_text", "write_text", "NamedTemporaryFile"}
NOT_TEXT_FILES = {"os.open", "archive.open", "write_text", "storage.write_text"}
"""A descriptor, a zip's member, which is bytes, and our own function, which always writes UTF-8."""


def without_encoding(module: Module) -> Iterator[str]:
    for name, call in calls(module):
        named = any(keyword.arg == "encoding" for keyword in call.keywords)
        if (
            name in OPENING
            and ast.unparse(call.func) not in NOT_TEXT_FILES
            and not named
            and not _is_binary(call)
        ):
            yield f"{place(module, call)}: {ast.unparse(call)}"


def _is_binary(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return any("b" in mode and set(mode) <= set("rwaxb+") for mode in modes)


def test_text_is_always_opened_with_its_encoding() -> None:
    assert [problem for module in FILES for problem in without_encoding(module)] == []
    assert list(without_encoding(parsed("dajeong.cli", "path.open()"))), "this test can fail"
    assert not list(without_encoding(parsed("dajeong.cli", "path.open('rb'); open(p, encoding='utf-8')")))
