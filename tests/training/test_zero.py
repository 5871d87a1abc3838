"""What DeepSpeed does to a run: who dies ends all, its gradients come in one order, and it keeps quiet.

That zero2 and zero3 equal one process is in test_parallel_ways.py; what zero_child.py left is read here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from small_training import same_bytes
from test_parallel_launch import QUICK
from test_training_runs import dialogues
from torch import nn
from zero_child import DIES

from dajeong.cli import main
from dajeong.errors import EnvironmentProblem
from dajeong.models.settings import RuntimeSettings
from dajeong.storage import read_json, write_records
from dajeong.training.deepspeed_here import deepspeed_here
from dajeong.training.parallel_zero import Zero
from dajeong.training.parallel_zero_engine import InOrder
from zero import needs_zero

WAYS = [pytest.param(way, marks=needs_zero) for way in DIES]


def named(weights: list[nn.Parameter]) -> dict[str, nn.Parameter]:
    return {str(number): weight for number, weight in enumerate(weights)}


def codes(folder: Path, phase: str) -> list[int]:
    return [read_json(folder / f"{phase}-{rank}.json") for rank in (0, 1)]


@pytest.mark.parametrize("way", WAYS)
def test_R14_who_dies_ends_all_and_the_run_goes_on_as_if_nobody_had(
    shared_ways: dict[str, Path], way: str
) -> None:
    answers = shared_ways[way]
    assert codes(answers, "compare") == [0, 0]
    one = codes(answers, "killed-one")
    assert one[DIES[way]] == -signal.SIGKILL and one[1 - DIES[way]] == 4
    assert codes(answers, "killed-both") == [-signal.SIGKILL] * 2
    assert codes(answers, "goes-on") == [0, 0]
    straight = load_file(answers / "sft-32-recomputed" / "after-0.safetensors")
    for rank in (0, 1):
        assert same_bytes(straight, load_file(answers / "killed" / f"after-{rank}.safetensors"))


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_gradients_are_handed_on_in_one_order_however_they_come(one: list[int], other: list[int]) -> None:
    """Backward after backward. DeepSpeed by itself sums them as they come: two processes whose orders differ
    learned from sums of unlike weights, and PPO ended 0.86 of an update off.
    """
    weights = [nn.Parameter(torch.zeros(2)) for _ in range(5)]
    handed: list[int] = []
    in_order = InOrder(lambda weight, number: handed.append(number), [named(weights[:2]), named(weights[2:])])
    for arrived in (one, other):
        for number in arrived:
            in_order(weights[number], number)
        assert not in_order.waiting
    assert handed == [4, 3, 2, 1, 0] * 2


def test_zero2_does_not_pretend_to_keep_the_base_off_the_card() -> None:
    zero = object.__new__(Zero)
    zero.name, zero.sharded = "zero2", False
    assert zero.runtime(RuntimeSettings()) == RuntimeSettings()
    with pytest.raises(EnvironmentProblem, match="offload: base would save nothing"):
        zero.runtime(RuntimeSettings(offload="base", checkpointing=True))
    with pytest.raises(EnvironmentProblem, match="quantised"):
        zero.runtime(RuntimeSettings(quantised="4bit"))


def test_without_the_extra_its_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'dajeong\[deepspeed\]'"):
        deepspeed_here()


@needs_zero[0]
@needs_zero[2]
def test_nothing_is_compiled_and_stdout_stays_ours() -> None:
    """In a process of its own, as what is imported stays."""
    code = (
        "from dajeong.training.deepspeed_here import deepspeed_here as here; d = here(); "
        "from deepspeed.comm.torch import build_shm_op; assert build_shm_op() is None; "
        "from deepspeed.utils import logger; logger.warning('said')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0 and done.stdout == "" and "said" in done.stderr, done.stderr


@needs_zero[0]
@needs_zero[1]
@needs_zero[2]
def test_the_launcher_deepspeed_starts_what_the_recipe_says(models: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "talks.jsonl", dialogues(8, 1, answered=True))
    given = ["--model", str(models / "base"), "--data", "talks.jsonl", "--threads", "1", "--out", "run"]
    settings = [word for each in (*QUICK, "parallel=zero2") for word in ("--set", each)]
    launch = [str(Path(sys.executable).with_name("deepspeed")), "--num_gpus", "2", "--module"]
    done = subprocess.run(
        [*launch, "dajeong", "train", "sft", *given, *settings],
        cwd=tmp_path,
        env=os.environ | {"DS_ACCELERATOR": "cpu"},
        capture_output=True,
        text=True,
        timeout=570,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    adapter = load_file(tmp_path / "run/models/sft/adapter_model.safetensors")
    assert any(bool(tensor.any()) for name, tensor in adapter.items() if "lora_B" in name)


def test_the_launchers_argument_says_what_the_environment_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--local_rank=1", "--version"]) == 0
    assert capsys.readouterr().out.startswith("dajeong ")
