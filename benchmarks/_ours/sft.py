"""SFT by our own loop on the examples, in the updates and with the adapter that the peer gets.

argv: folder of the material. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import GPTNeoXForCausalLM

from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings
from dajeong.models.tokenize import Tokens
from dajeong.training.algorithm import Entry, StepReport, Update
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.settings import OptimizerSettings, TrainingSettings
from dajeong.training.sft import ROLE, Sft
from dajeong.workplace import Workplace


class GivenPlan:
    """A cursor over updates that somebody else chose."""

    epoch = 0

    def __init__(self, groups: list[list[int]]) -> None:
        self.groups, self.place, self.per_epoch = groups, 0, len(groups)

    def group(self) -> list[int]:
        return self.groups[self.place]

    def advance(self) -> None:
        self.place += 1


class TimedSft(Sft):
    """SFT with a clock: from the first update after the warm-up to the end of the last."""

    warm_up = 0

    def updates(self) -> Iterator[Update]:
        self.losses: list[float] = []
        for update in super().updates():
            if self.done == self.warm_up:
                self.begun = time.process_time(), time.perf_counter()
            yield update

    def after(self, report: StepReport) -> list[Entry]:
        entries = super().after(report)
        self.losses.append(report.losses["nll"])
        self.cpu = time.process_time() - self.begun[0] if self.done > self.warm_up else 0.0
        self.wall = time.perf_counter() - self.begun[1] if self.done > self.warm_up else 0.0
        return entries


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
    torch.set_num_threads(settings["threads"])
    algorithm = prepared(folder, settings["sft"], [tokens_of(example) for example in examples], groups)
    with tempfile.TemporaryDirectory() as run:
        work = Workplace(run=Path(run), name="sft", seed=settings["seed"])
        Loop(algorithm, work, Single(), 1 << 30, {}).run()
    print(
        json.dumps({"cpu_seconds": algorithm.cpu, "wall_seconds": algorithm.wall, "losses": algorithm.losses})
    )


def prepared(folder: Path, sft: dict[str, Any], examples: list[Tokens], groups: list[list[int]]) -> TimedSft:
    network = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    model = RoleModel(network)
    lora = LoraSettings(rank=sft["rank"], alpha=sft["alpha"], targets=tuple(sft["targets"]))
    model.add_role(ROLE, lora, trainable=True)
    start = load_file(folder / "adapter.safetensors")
    with torch.no_grad():
        for name, layer in model.role_layers().items():
            layer.A[ROLE].copy_(start[f"base_model.model.{name}.lora_A.weight"])
    model.learning()
    optimizer = OptimizerSettings(
        learning_rate=sft["learning_rate"],
        warmup_ratio=0.0,
        schedule="constant",
        epsilon=sft["epsilon"],
        max_grad_norm=sft["max_grad_norm"],
    )
    training = TrainingSettings(updates=len(groups), tokens_per_micro_batch=sft["batch"] * sft["max_tokens"])
    algorithm = TimedSft(model, ROLE, examples, training, optimizer, seed=0)
    algorithm.cursor = GivenPlan(groups)  # type: ignore[assignment]
    algorithm.warm_up = sft["warm_up"]
    return algorithm


def tokens_of(example: dict[str, Any]) -> Tokens:
    prompt, length = example["prompt"], len(example["ids"])
    return Tokens(example["ids"], [False] * prompt + [True] * (length - prompt))


main()
