"""What our measured scripts share: the material, the model with its roles, the optimizer's settings."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import GPTNeoXForCausalLM

from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings
from dajeong.training.algorithm import Algorithm
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.settings import OptimizerSettings
from dajeong.workplace import Workplace

sys.path.insert(0, str(Path(__file__).parents[1]))
from turns import Clock  # noqa: E402


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def base_of(folder: Path, thrifty: bool) -> RoleModel:
    network = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    model = RoleModel(network)
    model.thrifty = thrifty
    return model


def lora_of(settings: dict[str, Any]) -> LoraSettings:
    lora = settings["lora"]
    return LoraSettings(rank=lora["rank"], alpha=lora["alpha"], targets=tuple(lora["targets"]))


def add_adapter(model: RoleModel, role: str, folder: Path, settings: dict[str, Any], trainable: bool) -> None:
    """A role with the adapter that the peers start from."""
    model.add_role(role, lora_of(settings), trainable=trainable)
    start = load_file(folder / "adapter.safetensors")
    with torch.no_grad():
        for name, layer in model.role_layers().items():
            layer.A[role].copy_(start[f"base_model.model.{name}.lora_A.weight"])


def add_score(model: RoleModel, role: str, folder: Path, trainable: bool) -> None:
    """A scalar head with the peers' first weights."""
    model.add_head(role, trainable=trainable)
    with torch.no_grad():
        model.score(role).copy_(load_file(folder / "score.safetensors")["score"])


def optimizer_of(settings: dict[str, Any]) -> OptimizerSettings:
    sft = settings["sft"]
    return OptimizerSettings(
        learning_rate=sft["learning_rate"],
        warmup_ratio=0.0,
        schedule="constant",
        epsilon=sft["epsilon"],
        max_grad_norm=sft["max_grad_norm"],
    )


def run(algorithm: Algorithm, seed: int) -> dict[str, float]:
    """The whole loop, journal and all, and what it took."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as place:
        work = Workplace(run=Path(place), name="step", seed=seed)
        loop = Loop(algorithm, work, Single(), 1 << 30, {})
        clock.start()
        loop.run()
        clock.stop()
    return clock.seconds()
