"""Trackers beside a run: whatever they do, the run is the same, as fast, and ends well."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tiny_kinds
from dajeong.journal import Journal
from dajeong.pipeline import execute
from dajeong.progress import Quiet
from dajeong.recipe import load
from dajeong.storage import digest_folder
from dajeong.tracking import follow
from dajeong.tracking.follow import following
from dajeong.tracking.tail import Reading
from dajeong.tracking.trackers import TRACKERS
from dajeong.workplace import Workplace


class Heard(Quiet):
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append((code, parameters))

    @property
    def warnings(self) -> list[str]:
        return [code for code, _ in self.said if code.startswith("tracker-")]


class Good:
    """Remembers what it is given; a lock of its own would show two threads at once."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder, self.title, self.closed = folder, title, 0
        self.readings: list[Reading] = []

    def log(self, reading: Reading) -> None:
        self.readings.append(reading)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


class Broken(Good):
    def log(self, reading: Reading) -> None:
        raise ConnectionError("the tracker is down\nand says so at length")


class BrokenAtOnce(Good):
    def __init__(self, folder: Path, title: str) -> None:
        raise RuntimeError("no such project")


class Slow(Good):
    """Takes half a minute for a reading; `asleep` is set once it does."""

    asleep = threading.Event()
    over = threading.Event()

    def log(self, reading: Reading) -> None:
        self.asleep.set()
        self.over.wait(30)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "EVERY_S", 0.01)


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], list[Good]]:
    """Puts a stand-in under TensorBoard's name; gives the list of those that are made."""

    def _tracked(kind: Callable[..., Any]) -> list[Good]:
        made: list[Good] = []

        def make(folder: Path, title: str) -> Good:
            made.append(kind(folder, title))
            return made[-1]

        monkeypatch.setitem(TRACKERS, "tensorboard", make)
        monkeypatch.setattr(follow, "is_installed", lambda name: True)
        return made

    return _tracked


def learn(settings: tiny_kinds.LearnSettings, work: Workplace) -> None:
    """A step with a diary."""
    tiny_kinds.learn(settings, work)
    journal = work.journal()
    for update in range(1, 6):
        journal.write("update", update=update, of=5, loss={"nll": 1 / update}, lr={"sft": 0.1}, tokens=7)
        journal.write("sample", rollout=update, reply="안녕", score=0.5)
    journal.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Heard, str], Path]:
    monkeypatch.setattr(tiny_kinds, "with_diary", learn, raising=False)
    monkeypatch.setitem(
        tiny_kinds.KINDS, "learn", tiny_kinds.KINDS["learn"]._replace(run="tiny_kinds:with_diary")
    )
    (tmp_path / "recipe.yaml").write_text(tiny_kinds.CHAIN, encoding="utf-8")

    def _run(heard: Heard, folder: str, *overrides: str) -> Path:
        recipe = load(tmp_path / "recipe.yaml", overrides, tiny_kinds.KINDS)
        execute(recipe, tmp_path / folder, progress=heard, report=None)
        return tmp_path / folder

    return _run


TRACKING = "tracking=[tensorboard]"


def test_every_reading_arrives_once_and_in_order(run: Any, heard: Heard, tracked: Any) -> None:
    made = tracked(Good)
    folder = run(heard, "run", TRACKING)
    (tracker,) = made
    assert tracker.closed == 1 and tracker.title == "chain"
    assert tracker.folder == folder / "tracking" / "tensorboard"
    for step in ("sft", "ppo"):
        mine = [reading for reading in tracker.readings if reading.step == step]
        updates = [reading for reading in mine if reading.event == "update"]
        assert [reading.at for reading in updates] == [1, 2, 3, 4, 5]
        assert updates[1].numbers == {"loss/nll": 0.5, "lr/sft": 0.1, "tokens": 7.0}
        assert [reading.numbers for reading in mine if reading.event == "sample"] == [{"score": 0.5}] * 5
        assert all(reading.time > 1e9 for reading in mine)
    assert heard.warnings == []


def test_a_run_without_trackers_starts_no_thread_and_steps_done_before_are_not_told(
    run: Any, heard: Heard, tracked: Any
) -> None:
    made = tracked(Good)
    before = threading.active_count()
    run(heard, "run")
    assert made == [] and threading.active_count() == before
    run(heard, "run", TRACKING)
    assert made == [], "nothing ran, so nothing is told"


@pytest.mark.parametrize("kind", [Broken, BrokenAtOnce])
def test_R09_a_broken_tracker_is_one_line(run: Any, heard: Heard, tracked: Any, kind: type) -> None:
    """Seen to fail where the thread's failure went unheard, and where it was told at each reading."""
    tracked(kind)
    folder = run(heard, "tracked", TRACKING)
    assert heard.warnings == ["tracker-failed"]
    assert "\n" not in str(dict(heard.said)["tracker-failed"]["problem"])
    plain = run(Heard(), "plain")
    assert digest_folder(folder / "models") == digest_folder(plain / "models")
    assert (folder / "results.json").read_bytes() == (plain / "results.json").read_bytes()


def test_R09_a_slow_tracker_slows_nothing_and_is_left_behind(
    run: Any, heard: Heard, tracked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a minute a reading. Seen to fail where the end of the run waited for it, and where the step itself
    gave it its readings."""
    monkeypatch.setattr(follow, "PATIENCE_S", 0.2)
    Slow.asleep.clear()
    Slow.over.clear()
    tracked(Slow)
    began = time.monotonic()
    folder = run(heard, "tracked", TRACKING)
    seconds = time.monotonic() - began
    assert Slow.asleep.is_set() and heard.warnings == ["tracker-behind"]
    assert seconds < 10 and (folder / "results.json").is_file()
    Slow.over.set()


def test_R09_an_absent_tracker_is_one_line_with_the_way_to_have_it(
    run: Any, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Aimed at an import that ended the thread without a word."""
    monkeypatch.setattr(follow, "is_installed", lambda name: False)
    folder = run(heard, "run", "tracking=[wandb, mlflow]")
    assert heard.warnings == ["tracker-missing"] * 2
    assert "dajeong[wandb]" in str(heard.said) and (folder / "results.json").is_file()


def test_a_diary_that_is_cut_back_is_told_once(tmp_path: Path, heard: Heard, tracked: Any) -> None:
    """A step goes on: what it writes again is passed over, wherever the cut falls."""
    made = tracked(Good)
    path = tmp_path / "run" / "steps" / "sft" / "journal.jsonl"
    journal = Journal(path)
    offsets = []
    with following(["tensorboard"], tmp_path / "run", "x", heard):
        for update in range(1, 7):
            offsets.append(journal.offset())
            journal.write("update", update=update, loss={"nll": float(update)}, more="x" * update)
        _until(lambda: bool(made) and len(made[0].readings) == 6)
        journal.close()
        journal = Journal(path, cut_at=offsets[3])
        for update in range(4, 10):
            journal.write("update", update=update, loss={"nll": float(update)}, more="y" * (7 * update))
        journal.close()
    assert [reading.at for reading in made[0].readings] == list(range(1, 10))
    assert [reading.numbers["loss/nll"] for reading in made[0].readings] == [float(n) for n in range(1, 10)]


def _until(true: Callable[[], bool]) -> None:
    patience = time.monotonic() + 20
    while not true():
        assert time.monotonic() < patience
        time.sleep(0.005)


# --- the trackers themselves


def told(folder: Path, name: str) -> None:
    tracker = TRACKERS[name](folder, "a run")
    for at in (1, 2, 3):
        tracker.log(Reading("sft", "update", at, 1e9 + at, {"loss/nll": 1 / at, "lr/sft": 0.5}))
    tracker.log(Reading("ppo", "rollout", 1, 1e9 + 9, {"reward": 0.25}))
    tracker.flush()
    tracker.close()


def test_tensorboard_files_hold_what_was_told(tmp_path: Path) -> None:
    """Read back by TensorBoard's own reader."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    told(tmp_path, "tensorboard")
    sft = accumulator.EventAccumulator(str(tmp_path / "sft")).Reload()
    assert sft.Tags()["scalars"] == ["update/loss/nll", "update/lr/sft"]
    found = [(event.step, event.value, event.wall_time) for event in sft.Scalars("update/loss/nll")]
    assert found == [(at, pytest.approx(1 / at), 1e9 + at) for at in (1, 2, 3)]
    ppo = accumulator.EventAccumulator(str(tmp_path / "ppo")).Reload()
    assert [(event.step, event.value) for event in ppo.Scalars("rollout/reward")] == [(1, 0.25)]


class Calls:
    """A module that writes down how it is called."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def function(self, name: str, gives: Any = None) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            self.made.append((name, given, named))
            return gives

        return called

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(given, named) for called, given, named in self.made if called == name]


@pytest.fixture
def calls() -> Iterator[Calls]:
    yield Calls()


def test_weights_and_biases_is_called_as_it_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    """A stand-in with the signatures of wandb 0.2x; where the real one is installed, offline, see below."""
    run = ModuleType("run")
    for name in ("define_metric", "log", "finish"):
        setattr(run, name, calls.function(name))
    wandb = ModuleType("wandb")
    wandb.init = calls.function("init", run)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    told(tmp_path, "wandb")
    ((_, opened),) = calls.of("init")
    assert opened["project"] == "mine" and opened["name"] == "a run"
    assert [given for given, _ in calls.of("define_metric")] == [("sft/update/*",), ("ppo/rollout/*",)]
    logged = [given[0] for given, _ in calls.of("log")]
    assert logged[1] == {"sft/update/at": 2, "sft/update/loss/nll": 0.5, "sft/update/lr/sft": 0.5}
    assert len(logged) == 4 and len(calls.of("finish")) == 1


def test_trackio_is_called_as_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    trackio = ModuleType("trackio")
    for name in ("init", "log", "finish"):
        setattr(trackio, name, calls.function(name))
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    told(tmp_path, "trackio")
    assert calls.of("init") == [((), {"project": "dajeong", "name": "a run"})]
    assert calls.of("log")[3] == (({"ppo/rollout/at": 1, "ppo/rollout/reward": 0.25},), {})
    assert len(calls.of("finish")) == 1
