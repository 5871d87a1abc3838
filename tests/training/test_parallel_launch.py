"""Launchers: what `accelerate launch` starts runs as the recipe says, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_training import CPU
from test_training_runs import dialogues

from dajeong.errors import EnvironmentProblem
from dajeong.models.base import load_base
from dajeong.models.runtime import device_of
from dajeong.models.settings import RuntimeSettings
from dajeong.storage import write_records
from dajeong.training.parallel_fsdp2 import Fsdp2
from dajeong.training.processes import launcher_asks, refuse_other_launch

FSDP = ["--use_fsdp", "--fsdp_version", "2", "--num_processes", "2", "--num_machines", "1"]
PLAIN = ["--mixed_precision", "no", "--dynamo_backend", "no"]
QUICK = ["updates=2", "max_tokens=100", "optimizer.warmup_ratio=0", "template=koalpaca"]


def test_accelerate_starts_two_processes_in_parts(models: Path, tmp_path: Path) -> None:
    """Its configuration and the recipe say the same; the files are those of one process."""
    write_records(tmp_path / "talks.jsonl", dialogues(8, 1, answered=True))
    given = ["--model", str(models / "base"), "--data", "talks.jsonl", "--threads", "1", "--out", "run"]
    settings = [word for each in (*QUICK, "parallel=fsdp2") for word in ("--set", each)]
    launch = [sys.executable, "-m", "accelerate.commands.launch", *FSDP, *PLAIN, "--module"]
    called = [*launch, "dajeong", "train", "sft", *given, *settings]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(
        called, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    found = load_file(tmp_path / "run/models/sft/adapter_model.safetensors")
    width = load_base(str(models / "base"), CPU).model.config.hidden_size
    a = {name: tuple(tensor.shape) for name, tensor in found.items() if name.endswith("lora_A.weight")}
    assert a and all(shape[0] == 16 and shape[1] in (width, 4 * width) for shape in a.values())


@pytest.mark.parametrize(
    ("environment", "asks"),
    [
        ({}, None),
        ({"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}, "fsdp2"),
        ({"ACCELERATE_USE_FSDP": "true"}, "fsdp1"),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, "zero3"),
    ],
)
def test_what_a_launcher_is_configured_for_must_be_what_the_recipe_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], asks: str | None
) -> None:
    """E05: Accelerate itself would train in another way and say nothing."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launcher_asks() == asks
    for name in ("ddp", "fsdp2", "zero3"):
        if asks in (None, name):
            refuse_other_launch(name)
        else:
            with pytest.raises(EnvironmentProblem) as caught:
                refuse_other_launch(name)
            assert caught.value.code == "launcher-differs"


def test_weights_that_stay_whole_are_no_sharing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """X3: what was asked for is what runs."""
    way = object.__new__(Fsdp2)
    way.name, way.world = "fsdp2", 2
    with pytest.raises(EnvironmentProblem) as caught:
        way._refuse_whole(load_base(str(models / "base"), CPU).model)
    assert caught.value.code == "not-sharded"


def test_more_processes_than_cards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_of(RuntimeSettings()) == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(EnvironmentProblem) as caught:
        device_of(RuntimeSettings())
    assert caught.value.parameters["device"] == "cuda:1"


def test_a_quantised_base_cannot_be_cut() -> None:
    way = object.__new__(Fsdp2)
    way.name = "fsdp2"
    with pytest.raises(EnvironmentProblem) as caught:
        way.runtime(CPU.model_copy(update={"quantised": "4bit"}))
    assert caught.value.code == "sharded-quantised"
