"""A reward model by our own loop: pairs of like length share an update of about the peer's batch.

argv: folder of the material, `thrifty` or `plain`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from common import add_adapter, add_score, base_of, optimizer_of, read, run

from dajeong.training.algorithm import Entry, StepReport
from dajeong.training.examples import Ranked
from dajeong.training.reward import ROLE, Reward
from dajeong.training.settings import RewardSettings
from turns import serve


class Recording(Reward):
    """Reward that keeps the loss of every update."""

    def after(self, report: StepReport) -> list[Entry]:
        self.losses = [*getattr(self, "losses", []), report.losses["ranking"]]
        return super().after(report)


def trained(folder: Path, pairs: list[dict[str, list[int]]], thrifty: bool) -> dict[str, Any]:
    settings = read(folder, "settings")
    ranked = [Ranked([pair["chosen_ids"], pair["rejected_ids"]], [(0, 1)], 1.0) for pair in pairs]
    total = sum(len(ids) for each in ranked for ids in each.sequences)
    budget = max(16, -(-total * settings["reward"]["batch"] // len(pairs)))
    model = base_of(folder, thrifty)
    add_adapter(model, ROLE, folder, settings, trainable=True)
    add_score(model, ROLE, folder, trainable=True)
    training = RewardSettings(
        epochs=1, tokens_per_update=budget, tokens_per_micro_batch=budget, optimizer=optimizer_of(settings)
    )
    algorithm = Recording(model, ranked, training, seed=0)
    algorithm.num_updates = algorithm.cursor.per_epoch
    return {**run(algorithm, settings["seed"]), "losses": algorithm.losses}


def main() -> None:
    folder, thrifty = Path(sys.argv[1]), sys.argv[2] == "thrifty"
    torch.set_num_threads(read(folder, "settings")["threads"])
    pairs, batch = read(folder, "pairs"), read(folder, "settings")["reward"]["batch"]
    serve(lambda: trained(folder, pairs[:batch], thrifty), lambda: trained(folder, pairs, thrifty))


main()
