"""PPO by our own loop: policy, reference, reward and value roles on one base.

argv: folder of the material, `thrifty` or `plain`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from common import add_adapter, add_score, base_of, optimizer_of, read, run

from dajeong.models.adapters import AdapterNotes
from dajeong.models.base import Base
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Decoding
from dajeong.rollout.native import NativeEngine
from dajeong.training.algorithm import Entry, StepReport
from dajeong.training.critic import VALUE
from dajeong.training.ppo import Ppo
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.rollouts import POLICY, REFERENCE, Prompt, Rollouts
from turns import serve

REWARD = "reward"


class Recording(Ppo):
    """PPO that keeps the journal lines of its rollouts."""

    def after(self, report: StepReport) -> list[Entry]:
        entries = super().after(report)
        self.told = [
            *getattr(self, "told", []),
            *(each.values for each in entries if each.event == "rollout"),
        ]
        return entries


def trained(folder: Path, rollouts: int, thrifty: bool) -> dict[str, Any]:
    from transformers import AutoTokenizer

    settings, ppo = read(folder, "settings"), read(folder, "settings")["ppo"]
    model = base_of(folder, thrifty)
    for role in (REFERENCE, POLICY, REWARD, VALUE):
        add_adapter(model, role, folder, settings, trainable=role in (POLICY, VALUE))
        if role in (REWARD, VALUE):
            add_score(model, role, folder, trainable=role == VALUE)
    tokenizer = TextTokenizer(AutoTokenizer.from_pretrained(folder / "tokenizer"), "tokenizer")
    prompts = [Prompt(str(number), ids) for number, ids in enumerate(read(folder, "ppo"))]
    training = PpoSettings(
        rewards={REWARD: 1.0},
        updates=max(2, rollouts),
        prompts_per_update=ppo["prompts"],
        epochs=ppo["epochs"],
        decoding=Decoding(temperature=ppo["temperature"], max_new_tokens=ppo["new"]),
        optimizer=optimizer_of(settings),
        max_slots=ppo["prompts"],
    )
    notes = {REWARD: AdapterNotes(role=REWARD, reward_mean=0.0, reward_deviation=1.0)}
    drawn = Rollouts(
        Base(model, tokenizer, "model"),
        prompts,
        notes,
        frozenset(),
        training,
        settings["seed"],
        NativeEngine(model, ppo["prompts"]),
    )
    algorithm = Recording(drawn, training)
    algorithm.num_updates = rollouts * ppo["epochs"]
    seconds = run(algorithm, settings["seed"])
    told = algorithm.told
    return {
        **seconds,
        "rollouts": len(told),
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "first_kl": told[0]["kl"],
        "first_score": told[0][f"raw/{REWARD}"],
    }


def main() -> None:
    folder, thrifty = Path(sys.argv[1]), sys.argv[2] == "thrifty"
    settings = read(folder, "settings")
    torch.set_num_threads(settings["threads"])
    rollouts = settings["ppo"]["rollouts"]
    serve(lambda: trained(folder, 1, thrifty), lambda: trained(folder, rollouts, thrifty))


main()
