"""A run that was killed, or told to stop, ends as if nothing had happened once its command comes again."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
from small_run import Nursery, arguments, begun_again_at, journals, names, outcome


class Kill(NamedTuple):
    """Where a run dies, and how one sees that it goes on from there."""

    step: str
    points: tuple[tuple[str, int], ...]
    """See nursery.py."""
    resumed: str
    """What the second run says."""
    left: str | None = None
    """A trace that proves the kill came in the middle."""


KILLS = {
    "sft": Kill(
        "sft",
        (("dajeong.training.sft:run", 1), ("dajeong.training.loop:Loop._step", 4)),
        "sft: goes on after update 2.",
        "steps/sft/checkpoints/update-00000002",
    ),
    "rollout": Kill(
        "ppo",
        (
            ("dajeong.training.ppo:run", 1),
            ("dajeong.training.ppo:Ppo.experience", 3),
            ("dajeong.rollout.schedule:Schedule._step", 3),
        ),
        "ppo: goes on after update 4.",
        "steps/ppo/checkpoints/update-00000004",
    ),
    "checkpoint-write": Kill(
        "reward",
        (
            ("dajeong.training.reward:run", 1),
            ("dajeong.training.checkpoint:Checkpoints.save", 2),
            ("dajeong.training.checkpoint:write_json", 2),
        ),
        "reward: goes on after update 2.",
        "steps/reward/checkpoints/update-00000004.tmp/state.json",
    ),
    "between-passes-over-a-rollout": Kill(
        "ppo",
        (("dajeong.training.ppo:run", 1), ("dajeong.training.loop:Loop._step", 4)),
        "ppo: goes on after update 2.",
    ),
    "saving-the-model": Kill(
        "sft",
        (("dajeong.training.sft:run", 1), ("dajeong.models.adapters:write_json", 1), ("os:replace", 1)),
        "sft: goes on after update 6.",
        "models/sft.tmp/.adapter_config.json.*",
    ),
    "replies": Kill(
        "replies",
        (("dajeong.rollout.replies:run", 1), ("dajeong.rollout.replies:write_records", 3)),
        "[4/9] replies: going on",
        "steps/replies/unfinished/000-00000004.jsonl",
    ),
    "results": Kill(
        "evaluate",
        (("dajeong.pipeline:write_json", 1), ("os:replace", 1)),
        "[9/9] evaluate: done already",
        ".results.json.*",
    ),
}


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A whole run, of which each test forgets the end."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def assert_as_if_nothing_had_happened(run: Path, whole: Path) -> None:
    ours, undisturbed = outcome(run), outcome(whole)
    assert [name for name in undisturbed if ours.get(name) != undisturbed[name]] == []
    assert journals(run) == journals(whole)
    assert names(run) == names(whole), "something is missing, or something temporary remains"


@pytest.mark.parametrize("name", KILLS)
def test_a_killed_run_ends_as_if_nothing_had_happened(
    name: str, run: Path, whole: Path, nursery: Nursery
) -> None:
    kill = KILLS[name]
    if name == "sft":
        shutil.rmtree(run)
    begun_again_at(run, kill.step)
    assert nursery.run(arguments(run), kill.points).code == -signal.SIGKILL
    assert kill.left is None or list(run.glob(kill.left)), "it died somewhere else"
    done = nursery.run(arguments(run), page=name == "sft")
    assert done.code == 0, done.err
    assert kill.resumed in done.err
    assert_as_if_nothing_had_happened(run, whole)


def test_replies_on_the_disk_are_not_written_again(run: Path, whole: Path, nursery: Nursery) -> None:
    kill = KILLS["replies"]
    begun_again_at(run, "replies")
    for _ in range(2):  # each time two of four chunks, so the third of the second run is never begun
        code = nursery.run(arguments(run), kill.points).code
    assert code == 0
    assert_as_if_nothing_had_happened(run, whole)


def test_the_undisturbed_run_writes_every_update_once(whole: Path) -> None:
    expected = {"base": 10, "sft": 6, "reward": 6, "ppo": 6}
    for step, count in expected.items():
        updates = [entry["update"] for entry in journals(whole)[step] if entry["event"] == "update"]
        assert updates == list(range(1, count + 1))
    rollouts = [entry["rollout"] for entry in journals(whole)["ppo"] if entry["event"] == "rollout"]
    assert rollouts == [1, 2, 3]


IN_THE_SECOND_ROLLOUT = (
    ("dajeong.training.ppo:Ppo.experience", 2),
    ("dajeong.rollout.schedule:Schedule._step", 3),
)

STOPS = {
    "sft": (signal.SIGTERM, KILLS["sft"].points, "sft: goes on after update 4."),
    "ppo": (signal.SIGINT, IN_THE_SECOND_ROLLOUT, "ppo: goes on after update 3."),
}


@pytest.mark.parametrize("step", STOPS)
def test_R02_a_stopped_run_saves_says_so_and_goes_on(
    step: str, run: Path, whole: Path, nursery: Nursery
) -> None:
    number, points, resumed = STOPS[step]
    begun_again_at(run, step)
    stopped = nursery.run(arguments(run), points, number)
    assert stopped.code == 128 + number
    assert f"Stopped in step {step}; the work so far is saved." in stopped.err
    assert "Traceback" not in stopped.err and stopped.out == ""
    assert not (run / "error.txt").exists()
    done = nursery.run(arguments(run))
    assert done.code == 0 and resumed in done.err
    assert_as_if_nothing_had_happened(run, whole)


def test_R02_a_second_signal_ends_it_at_once_and_the_last_checkpoint_is_good(
    run: Path, whole: Path, nursery: Nursery
) -> None:
    """In the middle of an update, both at once. Aimed at a second signal that is only noted,
    as the first was."""
    begun_again_at(run, "sft")
    stopped = nursery.run(arguments(run), KILLS["sft"].points, signal.SIGINT, times=2)
    assert stopped.code == -signal.SIGINT, "a shell calls it 130"
    done = nursery.run(arguments(run))
    assert done.code == 0 and "sft: goes on after update 2." in done.err
    assert_as_if_nothing_had_happened(run, whole)


def test_a_kill_while_a_stop_is_being_saved_leaves_nothing_behind(
    run: Path, whole: Path, nursery: Nursery
) -> None:
    """What is told to end is often killed soon after, in a checkpoint where none is written otherwise."""
    begun_again_at(run, "sft")
    torn = run / "steps/sft/checkpoints/update-00000003.tmp"
    nursery.run(arguments(run), KILLS["sft"].points)
    torn.mkdir()
    (torn / "state.json").write_text(json.dumps({"update": 3}), encoding="utf-8")
    done = nursery.run(arguments(run))
    assert done.code == 0 and "sft: goes on after update 2." in done.err
    assert_as_if_nothing_had_happened(run, whole)


def test_R04_a_torn_checkpoint_is_passed_over(run: Path, whole: Path, nursery: Nursery) -> None:
    begun_again_at(run, "ppo")
    nursery.run(arguments(run), KILLS["rollout"].points)
    newest = run / "steps/ppo/checkpoints/update-00000004/tensors.safetensors"
    newest.write_bytes(newest.read_bytes()[:-7])
    done = nursery.run(arguments(run))
    assert done.code == 0
    assert "update-00000004: damaged" in done.err and "ppo: goes on after update 2." in done.err
    assert_as_if_nothing_had_happened(run, whole)
