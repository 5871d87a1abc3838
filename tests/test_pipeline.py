"""Only what changed runs again; what was killed goes on; what was altered is noticed; one run per folder."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_kinds
from dajeong.errors import DajeongError, DataProblem, EnvironmentProblem, RunLocked, Stopped, UsageProblem
from dajeong.fingerprint import Reason, differences, digest_outside, fingerprint_of
from dajeong.lock import locked
from dajeong.messages import choose_language
from dajeong.pipeline import ALL, Wish, execute, plan
from dajeong.recipe import load
from dajeong.records import Dialogue, Result
from dajeong.run_folder import StepFolder
from dajeong.storage import digest_file, digest_folder, read_records
from tiny_kinds import CALLS, CHAIN, KINDS

Run = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _no_calls() -> Iterator[None]:
    CALLS.clear()
    yield
    choose_language(None)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a recipe in tmp_path/run and returns the names of the steps that ran."""

    def _run(
        text: str = CHAIN, overrides: Sequence[str] = (), wish: Wish = ALL, folder: str = "run"
    ) -> list[str]:
        CALLS.clear()
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        execute(load(path, overrides, KINDS), tmp_path / folder, wish, report=None)
        return list(CALLS)

    return _run


def reasons(tmp_path: Path, overrides: Sequence[str] = (), wish: Wish = ALL) -> dict[str, str]:
    decisions = plan(load(tmp_path / "recipe.yaml", overrides, KINDS), tmp_path / "run", wish)
    return {d.step.name: f"{d.action}: {'; '.join(map(_words, d.reasons))}" for d in decisions}


def _words(reason: Reason) -> str:
    return " ".join([reason.code, *map(str, reason.parameters.values())])


def test_the_run_folder_is_as_designed(run: Run, tmp_path: Path) -> None:
    assert run() == ["world", "sft", "ppo", "check"]
    folder = tmp_path / "run"
    manifest = json.loads((folder / "steps/sft/manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["outputs"]) == {"models/sft/weights.json"}
    assert manifest["inputs"] == {"data": ["world/rows"]}
    assert manifest["seconds"] >= 0 and "python" in manifest["versions"]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [Result(**row).model for row in results] == ["sft", "ppo"]
    assert "depth: 3" in (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert not (folder / "error.txt").exists() and not (folder / "lock.json").exists()


def test_nothing_runs_twice(run: Run) -> None:
    run()
    assert run() == []


@pytest.mark.parametrize(
    ("overrides", "again"),
    [
        (["check.note=other"], ["check"]),
        (["ppo.updates=7"], ["ppo", "check"]),
        (["sft.deep.rate=1e-3"], ["sft", "ppo", "check"]),
        (["world.word=hello"], ["world", "sft", "ppo", "check"]),
        (["seed=4"], ["world", "sft", "ppo", "check"]),
        (["template=alpaca"], ["sft", "ppo", "check"]),
        (["scale=0.5"], ["world", "sft", "ppo", "check"]),
        (["check.models=[ppo]"], ["check"]),
        (["name=renamed"], []),
        (["threads=1"], []),
        (["sft.deep.depth=3"], []),
    ],
)
def test_a_change_reruns_exactly_what_is_behind_it(run: Run, overrides: list[str], again: list[str]) -> None:
    run()
    assert run(overrides=overrides) == again
    assert run(overrides=overrides) == []


def test_explain_names_what_changed(run: Run, tmp_path: Path) -> None:
    run()
    assert set(reasons(tmp_path).values()) == {"done: why-done"}
    said = reasons(tmp_path, ["sft.deep.rate=0.5", "check.note=x"])
    assert said["world"] == "done: why-done"
    assert said["sft"] == "run: why-setting deep.rate 0.0001 0.5"
    assert said["ppo"] == "run: why-step sft"
    assert "why-setting note  x" in said["check"] and "why-step ppo" in said["check"]
    assert reasons(tmp_path, ["seed=9"])["world"] == "run: why-setting seed 3 9"


def test_planning_touches_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(CHAIN, encoding="utf-8")
    assert reasons(tmp_path)["world"] == "run: why-new"
    assert not (tmp_path / "run").exists()


def test_a_version_raised_by_hand_reruns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setitem(KINDS, "check", KINDS["check"]._replace(version=2))
    assert run() == ["check"]


def test_force_reruns_and_what_is_behind_follows_only_if_the_output_changed(run: Run, tmp_path: Path) -> None:
    run()
    assert reasons(tmp_path, wish=Wish(force=("sft",)))["ppo"] == "wait: why-after sft"
    assert run(wish=Wish(force=("sft",))) == ["sft"]


def test_another_output_from_equal_settings_reruns_what_is_behind(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()

    def other(settings: tiny_kinds.MakeSettings, work: tiny_kinds.Workplace) -> None:
        tiny_kinds.make(settings.model_copy(update={"word": "다른"}), work)

    monkeypatch.setattr(tiny_kinds, "other", other, raising=False)
    monkeypatch.setitem(KINDS, "make", KINDS["make"]._replace(run="tiny_kinds:other"))
    assert run(wish=Wish(force=("world",))) == ["world", "sft", "ppo", "check"]


def test_until_runs_a_step_and_what_it_needs(run: Run) -> None:
    assert run(wish=Wish(until="sft")) == ["world", "sft"]
    assert run() == ["ppo", "check"]


def test_results_of_an_older_recipe_are_not_shown(run: Run, tmp_path: Path) -> None:
    run()
    run(overrides=["sft.updates=9"], wish=Wish(until="sft"))
    assert json.loads((tmp_path / "run/results.json").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("wish", [Wish(until="sfx"), Wish(force=("sfx",))])
def test_a_step_that_is_not_there_is_named(run: Run, wish: Wish) -> None:
    with pytest.raises(UsageProblem, match="sft"):
        run(wish=wish)


@pytest.mark.parametrize("damage", ["missing", "longer", "altered"])
def test_an_altered_output_is_made_again_and_named(run: Run, tmp_path: Path, damage: str) -> None:
    run()
    before = digest_folder(tmp_path / "run" / "models")
    file = tmp_path / "run/models/sft/weights.json"
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content + b" " if damage == "longer" else content[:-3] + b"9" + content[-2:])
    assert reasons(tmp_path)["sft"] == "run: why-output models/sft/weights.json"
    assert run() == ["sft"], "its output is the same again, so nothing behind it runs"
    assert digest_folder(tmp_path / "run" / "models") == before


def test_changed_input_files_are_noticed_and_moved_ones_are_not(run: Run, tmp_path: Path) -> None:
    text = "steps:\n  r: {use: read, paths: [in/a.txt, in/b.txt]}\n  s: {use: learn, data: r}\n"
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "in" / name).write_text(name, encoding="utf-8")
    assert run(text) == ["r", "s"]
    shutil.copytree(tmp_path / "in", tmp_path / "moved" / "in")
    assert run(text, [f"data_dir={tmp_path / 'moved'}"]) == []
    (tmp_path / "in" / "b.txt").write_text("B.txt", encoding="utf-8")
    assert reasons(tmp_path)["r"] == "run: why-file in/b.txt"
    assert run(text) == ["r", "s"]


def test_a_model_folder_from_outside_counts_by_content(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}", encoding="utf-8")
    text = "steps:\n  w: {use: make}\n  s: {use: learn, data: w, model: mine}\n"
    run(text)
    assert run(text) == []
    (tmp_path / "mine" / "config.json").write_text("{ }", encoding="utf-8")
    assert run(text) == ["s"]


def test_a_large_file_of_a_model_counts_by_size_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dajeong.fingerprint.LARGE_FILE", 100)
    monkeypatch.setattr("dajeong.fingerprint.EDGE", 10)
    weights = tmp_path / "model.safetensors"
    seen = set()
    for content in (b"a" * 200, b"a" * 201, b"b" + b"a" * 199, b"a" * 199 + b"b"):
        weights.write_bytes(content)
        seen.add(digest_outside(tmp_path))
    assert len(seen) == 4


def test_the_run_folder_may_move(run: Run, tmp_path: Path) -> None:
    run()
    shutil.move(tmp_path / "run", tmp_path / "다른 곳")
    assert run(folder="다른 곳") == []


def test_a_killed_step_keeps_its_folder_and_a_changed_one_does_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StepFolder, "drop_checkpoints", lambda folder: None)  # to see what a step found
    run()
    folder = StepFolder(tmp_path / "run", "sft")
    (folder.path / "manifest.json").unlink()  # as if killed just before the end
    (folder.path / "checkpoints" / "mark").write_text("kept", encoding="utf-8")
    (folder.path / ".rows.jsonl.abc").write_text("torn", encoding="utf-8")
    assert reasons(tmp_path)["sft"] == "resume: why-resume"
    assert run() == ["sft"]
    assert (folder.path / "checkpoints" / "mark").exists()
    assert not (folder.path / ".rows.jsonl.abc").exists()
    (folder.path / "manifest.json").unlink()
    assert run(overrides=["sft.updates=9"]) == ["sft", "ppo", "check"]
    assert not (folder.path / "checkpoints" / "mark").exists()


def half_done(run: Path, step: str, checkpoint: str = "update-00000400") -> Path:
    """As if the step had been killed after a checkpoint."""
    folder = StepFolder(run, step)
    (folder.path / "manifest.json").unlink()
    (folder.path / "checkpoints" / checkpoint).mkdir(parents=True)
    return folder.path / "checkpoints" / checkpoint


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["sft.deep.rate=0.5"], "deep.rate: 0.0001 → 0.5"),
        (["world.word=hello"], "step world changed"),
        (["seed=4"], "seed: 3 → 4"),
    ],
)
def test_R06_a_step_that_stopped_midway_does_not_go_on_with_other_settings(
    run: Run, tmp_path: Path, overrides: list[str], said: str
) -> None:
    """Nor are hours of work thrown away for a slip. Seen to fail where the folder was cleared at once."""
    run()
    checkpoint = half_done(tmp_path / "run", "sft")
    choose_language("en")
    with pytest.raises(UsageProblem) as caught:
        run(overrides=overrides)
    assert said in str(caught.value) and "update-00000400" in str(caught.value)
    assert "--force sft" in str(caught.value) and CALLS == [] and checkpoint.is_dir()
    assert run() == ["sft"], "with what it was begun with it goes on"
    half_done(tmp_path / "run", "sft")
    assert "sft" in run(overrides=overrides, wish=Wish(force=("sft",)))
    assert not checkpoint.exists()


def test_R06_a_changed_file_and_a_new_meaning_are_changes_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "steps:\n  r: {use: read, paths: [a.txt]}\n  s: {use: learn, data: r, model: mine}\n"
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}", encoding="utf-8")
    run(text)
    half_done(tmp_path / "run", "s")
    choose_language("en")
    (tmp_path / "mine" / "config.json").write_text("{ }", encoding="utf-8")
    with pytest.raises(UsageProblem, match="mine changed"):
        run(text)
    (tmp_path / "mine" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "a.txt").write_text("b", encoding="utf-8")
    with pytest.raises(UsageProblem, match="step r changed"):
        run(text)
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "learn", KINDS["learn"]._replace(version=2))
        with pytest.raises(UsageProblem, match="version: 1 → 2"):
            run(text)
    assert run(text) == ["s"]


def test_a_finished_step_with_a_checkpoint_left_is_no_half_done_one(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "run/steps/sft/checkpoints/update-00000400").mkdir(parents=True)
    assert "sft" in run(overrides=["sft.deep.rate=0.5"])


def test_a_finished_step_keeps_no_checkpoints(run: Run, tmp_path: Path) -> None:
    assert "checkpoints" in inspect.getsource(tiny_kinds)  # its steps do write some
    assert run() and not list(tmp_path.rglob("checkpoints"))


def test_an_unreadable_note_means_the_step_runs_again(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "run/steps/check/manifest.json").write_text('{"fingerprint": "x', encoding="utf-8")
    (tmp_path / "run/steps/check/started.json").write_text("[]", encoding="utf-8")
    assert run() == ["check"]


@pytest.mark.parametrize(
    ("how", "kind"), [("data", DataProblem), ("bug", ZeroDivisionError), ("disk", OSError)]
)
def test_a_failure_keeps_its_traceback_and_the_work_before(
    run: Run, tmp_path: Path, how: str, kind: type
) -> None:
    text = f"steps:\n  w: {{use: make}}\n  f: {{use: fail, how: {how}}}\n"
    with pytest.raises(kind):
        run(text)
    assert "Traceback" in (tmp_path / "run/error.txt").read_text(encoding="utf-8")
    with pytest.raises(kind):
        run(text)
    assert CALLS == ["f"]
    assert run(text, ["f.how=none"]) == ["f"]
    assert not (tmp_path / "run/error.txt").exists()


def test_a_step_that_breaks_its_promise_is_our_bug(run: Run) -> None:
    with pytest.raises(DajeongError) as caught:
        run("steps: {f: {use: forget}}")
    assert caught.value.code == "output-not-written" and caught.value.exit_code == 1


def test_a_signal_stops_between_steps_and_the_run_goes_on_later(run: Run, tmp_path: Path) -> None:
    text = "steps:\n  f: {use: fail, how: stop}\n  w: {use: make}\n"
    with pytest.raises(Stopped) as caught:
        run(text)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert not (tmp_path / "run/error.txt").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert run(text, ["f.how=none"]) == ["f", "w"]


def test_results_are_the_same_bytes(run: Run, tmp_path: Path) -> None:
    run(folder="one")
    run(folder="two")
    assert digest_folder(tmp_path / "one/models") == digest_folder(tmp_path / "two/models")
    assert (tmp_path / "one/results.json").read_bytes() == (tmp_path / "two/results.json").read_bytes()


def test_the_report_is_written_when_something_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def write(run: Path) -> None:
        written.append(run)
        (run / "report.html").write_text("", encoding="utf-8")

    monkeypatch.setattr(tiny_kinds, "write_report", write, raising=False)
    (tmp_path / "recipe.yaml").write_text(CHAIN, encoding="utf-8")
    for _ in range(2):
        execute(load(tmp_path / "recipe.yaml", (), KINDS), tmp_path / "run", report="tiny_kinds:write_report")
    assert written == [tmp_path / "run"]


def test_an_unwritable_place_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="file"):
        run(folder="file/run")


OTHER_RUN = """\
import os, signal, sys
from pathlib import Path
from dajeong.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_second_run_is_refused_and_a_killed_one_is_not_in_the_way(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OTHER_RUN, str(tmp_path / "run")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdin
    assert other.stdout.readline() == "held\n"
    with pytest.raises(RunLocked, match=str(other.pid)) as caught, locked(tmp_path / "run"):
        pass
    assert caught.value.exit_code == 7
    other.communicate("die\n")
    assert (tmp_path / "run/lock.json").exists(), "killed: its note is still there"
    with locked(tmp_path / "run"):
        assert json.loads((tmp_path / "run/lock.json").read_text(encoding="utf-8"))["pid"] == os.getpid()
    assert not (tmp_path / "run/lock.json").exists()


KILLED_ANYWHERE = """\
import os, sys
from pathlib import Path
import tiny_kinds, dajeong.storage as storage
from dajeong.pipeline import execute
from dajeong.recipe import load

left = int(sys.argv[2])
replace, unlink = os.replace, Path.unlink

def counted(real):
    def act(*args, **options):
        global left
        left -= 1
        if left == 0:
            os._exit(9)
        return real(*args, **options)
    return act

os.replace, Path.unlink = counted(replace), counted(unlink)
folder = Path(sys.argv[1])
execute(load(folder / "recipe.yaml", (), tiny_kinds.KINDS), folder / "run", report=None)
"""


def test_killed_at_any_write_the_same_command_ends_the_same(tmp_path: Path, run: Run) -> None:
    run(folder="whole")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    for left in (1, 2, 4, 7, 10, 13, 16):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        command = [sys.executable, "-c", KILLED_ANYWHERE, str(tmp_path), str(left)]
        assert subprocess.run(command, env=environment, check=False).returncode == 9
        run()
        for part in ("models", "results.json", "recipe.yaml"):
            one, other = tmp_path / "run" / part, tmp_path / "whole" / part
            assert _digest(one) == _digest(other), f"{part} after a kill at write {left}"


def _digest(path: Path) -> str:
    return digest_folder(path) if path.is_dir() else digest_file(path)


_fields = st.dictionaries(
    st.text("abc", min_size=1, max_size=2), st.integers(0, 3) | st.text("xy", max_size=2), max_size=4
)


@given(_fields, _fields)
def test_every_changed_setting_is_a_reason(old: dict[str, object], new: dict[str, object]) -> None:
    empty: dict[str, object] = {"kind": "k", "version": 1, "seed": 0, "inputs": {}, "steps": {}, "files": {}}
    before, after = {**empty, "settings": old}, {**empty, "settings": new}
    named = {reason.parameters["key"] for reason in differences(before, after)}
    assert named == {key for key in {*old, *new} if old.get(key) != new.get(key)}
    assert (fingerprint_of(before) == fingerprint_of(after)) == (old == new)


def test_times_come_from_a_clock_that_never_jumps(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: -1e9)
    run()
    manifest = json.loads((tmp_path / "run/steps/world/manifest.json").read_text(encoding="utf-8"))
    assert 0 <= manifest["seconds"] < 60


def test_threads_are_set_for_the_step(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    manifest = tmp_path / "run/steps/world/manifest.json"
    run()
    assert json.loads(manifest.read_text(encoding="utf-8"))["threads"] == 2
    run(overrides=["threads=1"], wish=Wish(force=("world",)))
    assert json.loads(manifest.read_text(encoding="utf-8"))["threads"] == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_reading_recipes_and_planning_never_loads_torch() -> None:
    script = textwrap.dedent(
        """
        import sys
        import dajeong.pipeline, dajeong.recipe, dajeong.steps, dajeong.catalog
        heavy = ("torch", "transformers", "sklearn", "matplotlib", "rich")
        print([name for name in heavy if name in sys.modules])
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


LAUNCHED = """\
import os, sys
from pathlib import Path
import tiny_kinds
from dajeong.pipeline import execute
from dajeong.recipe import load

folder = Path(sys.argv[1])
recipe = load(folder / "recipe.yaml", ["parallel=ddp"], tiny_kinds.KINDS)
results = execute(recipe, folder / "run", report=None)
said = f"{'helped' if results is None else 'led'} {tiny_kinds.CALLS}"
(folder / f"rank-{os.environ['RANK']}").write_text(said, encoding="utf-8")
"""


def test_processes_launched_together_share_the_steps_that_say_so(tmp_path: Path) -> None:
    steps = ("w: {use: make}", "a: {use: together}", "b: {use: together}", "m: {use: learn, data: [a, w]}")
    text = "steps:\n" + "".join(f"  {step}\n" for step in steps)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "launched.py").write_text(LAUNCHED, encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    command = [*launch, str(tmp_path / "launched.py"), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [(tmp_path / f"rank-{rank}").read_text(encoding="utf-8") for rank in (0, 1)]
    assert said == ["led ['w', 'a', 'b', 'm']", "helped ['a', 'b']"]
    (row,) = read_records(tmp_path / "run/steps/a/rows.jsonl", Dialogue)
    assert row.messages[0].content == "2 processes"
