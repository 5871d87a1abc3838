"""SFT by our own loop on the examples, in the updates and with the adapter that the peer gets.

argv: folder of the material, `thrifty` or `plain`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from common import add_adapter, base_of, optimizer_of, read, run

from dajeong.models.tokenize import Tokens
from dajeong.training.algorithm import Entry, StepReport
from dajeong.training.settings import TrainingSettings
from dajeong.training.sft import ROLE, Sft
from turns import serve


class GivenPlan:
    """A cursor over updates that somebody else chose."""

    epoch = 0

    def __init__(self, groups: list[list[int]]) -> None:
        self.groups, self.place, self.per_epoch = groups, 0, len(groups)

    def group(self) -> list[int]:
        return self.groups[self.place]

    def advance(self) -> None:
        self.place += 1


class Recording(Sft):
    """SFT that keeps the loss of every update."""

    def after(self, report: StepReport) -> list[Entry]:
        self.losses = [*getattr(self, "losses", []), report.losses["nll"]]
        return super().after(report)


def trained(folder: Path, groups: list[list[int]], thrifty: bool) -> dict[str, Any]:
    settings = read(folder, "settings")
    examples = [tokens_of(example) for example in read(folder, "examples")]
    model = base_of(folder, thrifty)
    add_adapter(model, ROLE, folder, settings, trainable=True)
    model.learning()
    budget = settings["sft"]["batch"] * settings["sft"]["max_tokens"]
    training = TrainingSettings(updates=max(2, len(groups)), tokens_per_micro_batch=budget)
    algorithm = Recording(model, ROLE, examples, training, optimizer_of(settings), seed=0)
    algorithm.cursor = GivenPlan(groups)  # type: ignore[assignment]
    algorithm.num_updates = len(groups)
    return {**run(algorithm, settings["seed"]), "losses": algorithm.losses}


def tokens_of(example: dict[str, Any]) -> Tokens:
    prompt, length = example["prompt"], len(example["ids"])
    return Tokens(example["ids"], [False] * prompt + [True] * (length - prompt))


def main() -> None:
    folder, thrifty = Path(sys.argv[1]), sys.argv[2] == "thrifty"
    torch.set_num_threads(read(folder, "settings")["threads"])
    groups = read(folder, "groups")
    serve(lambda: trained(folder, groups[-1:], thrifty), lambda: trained(folder, groups, thrifty))


main()
