"""`dajeong train KIND`: every kind that learns is a command, its inputs are options; it is the same step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from test_training_runs import dialogues, preferences

from dajeong.cli import main
from dajeong.cli_train import trainable
from dajeong.messages import choose_language
from dajeong.records import Record
from dajeong.steps import KINDS
from dajeong.storage import digest_folder, write_records

QUICK = ["--set", "updates=2", "--set", "max_tokens=100", "--set", "optimizer.warmup_ratio=0"]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    choose_language(None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    given: dict[str, list[Record]] = {
        "talks": [*dialogues(8, 1, answered=True)],
        "pairs": [*preferences(6)],
        "prompts": [*dialogues(6, 4, answered=False)],
    }
    for name, records in given.items():
        write_records(tmp_path / f"{name}.jsonl", records)
    return tmp_path


def sft(models: Path, *more: str) -> list[str]:
    given = ["--model", str(models / "base"), "--data", "talks.jsonl", "--threads", "1"]
    return ["train", "sft", *given, *QUICK, "--set", "template=koalpaca", *more]


def test_every_kind_that_learns_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    listed = capsys.readouterr().out
    assert {"sft", "reward", "ppo"} <= set(trainable()) and all(name in listed for name in trainable())


@pytest.mark.parametrize("name", sorted(name for name, kind in KINDS.items() if kind.algorithm))
def test_its_inputs_are_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", name, "--help"]) == 0
    listed = capsys.readouterr().out
    for field in [*KINDS[name].inputs, "out", "set", "seed", "threads"]:
        assert f"--{field.replace('_', '-')}" in listed


def test_a_stage_alone_is_the_step_of_a_recipe(
    folder: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(sft(models, "--out", "alone", "--seed", "5", "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"run": "alone", "model": "alone/models/sft"}
    recipe = (
        "name: same\nseed: 5\nthreads: 1\nsteps:\n"
        f"  sft: {{use: sft, model: {models / 'base'}, data: talks.jsonl, updates: 2, max_tokens: 100, "
        "template: koalpaca, optimizer: {warmup_ratio: 0}}\n"
    )
    (folder / "same.yaml").write_text(recipe, encoding="utf-8")
    assert main(["run", "same.yaml", "--out", "same", "--quiet"]) == 0
    weights = "models/sft/adapter_model.safetensors"
    assert (folder / "alone" / weights).read_bytes() == (folder / "same" / weights).read_bytes()
    assert (folder / "alone/report.html").is_file() and (folder / "alone/recipe.yaml").is_file()


def test_the_same_command_again_does_nothing_and_another_does_it_anew(
    folder: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(sft(models)) == 0
    before = digest_folder(folder / "runs/sft/models/sft")
    capsys.readouterr()
    assert main(sft(models)) == 0 and "done already" in capsys.readouterr().err
    assert main(sft(models, "--seed", "1")) == 0
    assert digest_folder(folder / "runs/sft/models/sft") != before


def test_a_chain_by_hand(folder: Path, models: Path) -> None:
    assert main([*sft(models, "--out", "sft"), "--quiet"]) == 0
    adapter = "sft/models/sft"
    asked = ["--model", adapter, "--data", "pairs.jsonl", "--normalise", "talks.jsonl", "--threads", "1"]
    assert main(["train", "reward", *asked, *QUICK, "--out", "reward", "--quiet"]) == 0
    rewards = ["--rewards", "reward/models/reward=0.5", "--prompts", "prompts.jsonl", "--threads", "1"]
    small = ["updates=2", "prompts_per_update=4", "decoding.max_new_tokens=6"]
    settings = [part for each in small for part in ("--set", each)]
    assert main(["train", "ppo", "--policy", adapter, *rewards, *settings, "--out", "ppo", "--quiet"]) == 0
    assert (folder / "ppo/models/ppo/adapter_model.safetensors").is_file()
    assert "reward/models/reward: 0.5" in (folder / "ppo/recipe.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (["train", "sfft"], 2, ["sft"]),
        (["train", "sft"], 2, ["--model"]),
        (["train", "sft", "--model", "./base", "--data", "none.jsonl"], 3, ["--data", "none.jsonl"]),
        (["train", "sft", "--model", "./none", "--data", "talks.jsonl"], 4, ["--model", "none"]),
        (["train", "sft", "--model", "o/n", "--data", "talks.jsonl", "--dta", "x"], 2, ["--data"]),
        (
            ["train", "sft", "--model", "o/n", "--data", "talks.jsonl", "--set", "lora.rnk=2"],
            2,
            ["rnk", "rank"],
        ),
        (["train", "sft", "--model", "o/n", "--data", "talks.jsonl", "--set", "seed=2"], 2, ["seed"]),
        (
            ["train", "ppo", "--policy", "o/n", "--prompts", "prompts.jsonl", "--rewards", "o/r=much"],
            2,
            ["--rewards", "much"],
        ),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], code: int, says: list[str]
) -> None:
    (folder / "base").mkdir()
    assert main(wrong) == code
    out, err = capsys.readouterr()
    assert out == "" and [word for word in says if word not in err] == [], err
    assert not (folder / "runs").exists()


def test_two_processes_share_it_without_being_told(folder: Path, models: Path) -> None:
    """Under torchrun; the adapter is, within rounding, that of one process."""
    assert main([*sft(models, "--out", "one"), "--quiet"]) == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    called = [*launch, "-m", "dajeong", *sft(models, "--out", "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(called, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "parallel: ddp" in (folder / "two/recipe.yaml").read_text(encoding="utf-8")
    from safetensors.torch import load_file

    weights = "models/sft/adapter_model.safetensors"
    one, two = (load_file(folder / name / weights) for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert float((tensor - two[name]).abs().max()) <= 1e-5, name
