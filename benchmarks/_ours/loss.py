"""SFT on small talk by our own loop, and how its validation loss falls.

argv: folder of the material, `thrifty` or `plain`. Answers the curve: [CPU-seconds of training, validation
loss]; reading the loss is not timed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from common import Clock, lora_of, read
from transformers import GPTNeoXForCausalLM

from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import Tokens
from dajeong.training.algorithm import Entry, StepReport, Update
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.settings import OptimizerSettings, TrainingSettings
from dajeong.training.sft import ROLE, Sft
from dajeong.workplace import Workplace
from turns import serve

EPOCHS = 1.5
"""Longer than the peer, should we learn more slowly."""


class Watched(Sft):
    """SFT whose clock stands while the validation loss is read."""

    def __init__(self, *given: Any, others: list[Tokens], every: int) -> None:
        super().__init__(*given)
        self.others, self.every, self.clock = others, every, Clock()
        self.curve: list[tuple[float, float]] = []

    def updates(self) -> Iterator[Update]:
        self.clock.start()
        yield from super().updates()

    def after(self, report: StepReport) -> list[Entry]:
        entries = super().after(report)
        if self.done % self.every == 0 or self.done == self.num_updates:
            self.clock.stop()
            self.curve.append((self.clock.cpu, self.mean_loss(self.others)))
            self.clock.start()
        return entries


def trained(folder: Path, number: int, thrifty: bool, epochs: float = EPOCHS) -> dict[str, Any]:
    settings = read(folder, "settings")
    loss, sft = settings["loss"], settings["sft"]
    examples, held_out = ([tokens_of(row) for row in read(folder, name)] for name in ("talk", "held_out"))
    model = RoleModel(GPTNeoXForCausalLM.from_pretrained(folder / "base", dtype=torch.float32))
    model.thrifty = thrifty
    model.add_role(ROLE, lora_of(settings), trainable=True, seed=number)
    model.learning()
    budget = sum(len(example.ids) for example in examples) * loss["batch"] // len(examples)
    training = TrainingSettings(epochs=epochs, tokens_per_update=budget, tokens_per_micro_batch=4 * budget)
    optimizer = OptimizerSettings(
        learning_rate=loss["learning_rate"],
        warmup_ratio=0.0,
        schedule="constant",
        epsilon=sft["epsilon"],
        max_grad_norm=sft["max_grad_norm"],
    )
    with tempfile.TemporaryDirectory() as place:
        work = Workplace(run=Path(place), name="step", seed=number)
        watched = Watched(
            model, ROLE, examples, training, optimizer, number, others=held_out, every=loss["read_every"]
        )
        start = watched.mean_loss(held_out)
        Loop(watched, work, Single(), 1 << 30, {}).run()
    return {"start": start, "curve": watched.curve}


def tokens_of(row: dict[str, Any]) -> Tokens:
    prompt, length = row["prompt"], len(row["ids"])
    return Tokens(row["ids"], [False] * prompt + [True] * (length - prompt))


def main() -> None:
    folder, thrifty = Path(sys.argv[1]), sys.argv[2] == "thrifty"
    torch.set_num_threads(read(folder, "settings")["threads"])
    numbers = iter(range(1, 1000))
    serve(lambda: trained(folder, 0, thrifty, epochs=0.1), lambda: trained(folder, next(numbers), thrifty))


main()
