"""On the real chain: a changed setting runs again what is behind it and nothing else, and back again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_run import STEPS, Nursery, arguments, outcome

from dajeong.cli import main
from dajeong.messages import choose_language

BEHIND = {
    "smalltalk.num_ppo_prompts=1000": STEPS,
    "base.optimizer.learning_rate=1e-3": STEPS[1:],
    "sft.lora.rank=4": STEPS[2:],
    "template=kullm": STEPS[1:],
    "replies.per_prompt=2": STEPS[3:],
    "pairs.balance_lengths=false": STEPS[4:],
    "reward.centring=0.01": STEPS[5:],
    "ppo.kl=0.5": ("ppo", "evaluate"),
    "ppo.rewards={reward: 0.5}": ("ppo", "evaluate"),
    "reward-report.max_training_pairs=10": ("reward-report",),
    "evaluate.greedy_too=false": ("evaluate",),
    "evaluate.models=[sft, ppo]": ("evaluate",),
    "name=other": (),
    "threads=2": (),
    "ppo.clip=0.2": (),
}


@pytest.mark.parametrize("changed", BEHIND)
def test_the_plan_names_what_is_behind_a_change(
    changed: str, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(whole, changed), "--dry-run"]) == 0
    choose_language(None)
    planned = json.loads(capsys.readouterr().out)
    assert tuple(step["step"] for step in planned if step["action"] != "done") == BEHIND[changed]


def test_a_changed_setting_runs_again_what_is_behind_it_and_nothing_else(
    whole: Path, tmp_path: Path, nursery: Nursery
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    before, times = outcome(run), _times(run)
    changed = nursery.run(arguments(run, "ppo.kl=0.5"))
    assert changed.code == 0, changed.err
    assert changed.worked_on == ["ppo", "evaluate"]
    assert changed.done_already == [step for step in STEPS if step not in ("ppo", "evaluate")]
    assert "kl: 0.03 → 0.5" in changed.err
    after = outcome(run)
    moved = {name for name in before if after[name] != before[name]}
    assert "models/ppo/adapter_model.safetensors" in moved and "results.json" in moved
    assert [
        name for name in moved if not name.startswith(("models/ppo/", "steps/evaluate/", "results"))
    ] == []
    untouched = [name for name in times if name.split("/")[1] not in ("ppo", "evaluate")]
    assert [name for name in untouched if _times(run)[name] != times[name]] == []

    back = nursery.run(arguments(run))
    assert back.worked_on == ["ppo", "evaluate"]
    assert outcome(run) == before


def test_nothing_runs_twice(whole: Path, tmp_path: Path, nursery: Nursery) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    times = _times(run)
    done = nursery.run(arguments(run))
    assert done.code == 0 and done.worked_on == [] and done.done_already == list(STEPS)
    assert _times(run) == times


def _times(run: Path) -> dict[str, int]:
    files = [file for folder in ("steps", "models") for file in (run / folder).rglob("*") if file.is_file()]
    return {file.relative_to(run).as_posix(): file.stat().st_mtime_ns for file in files}
