"""In a tiny world where one of two words is always the better answer, every preference step learns it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import END, Trace, drawn_prompts, optimizer, preference_base

from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import Tokens
from dajeong.training.dpo import Dpo
from dajeong.training.kto import Kto
from dajeong.training.orpo import Orpo
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_examples import Choice, Rated, mismatched
from dajeong.training.preference_passes import Passes
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.rollouts import POLICY, REFERENCE

KIND, RUDE = 65, 66
PROMPTS = [prompt.ids for prompt in drawn_prompts(16)]
TOLD, UNTOLD = PROMPTS[:12], PROMPTS[12:]


def said(prompt: list[int], word: int) -> Tokens:
    return Tokens([*prompt, word, END], [False] * len(prompt) + [True, True])


CHOICES = [Choice((said(p, RUDE), said(p, KIND)), pairs=((1, 0),), best=(1,)) for p in TOLD]
ANSWERS = [said(prompt, word) for prompt in TOLD for word in (KIND, RUDE)]
RATED = [
    Rated((answer, mismatched(place, ANSWERS, 64, 0)), desirable=answer.ids[-2] == KIND)
    for place, answer in enumerate(ANSWERS)
]
SMALL: dict[str, Any] = {"updates": 24, "tokens_per_update": 128, "optimizer": optimizer(learning_rate=2e-3)}
BOTH = Roles(POLICY, REFERENCE)


def algorithm(name: str, model: RoleModel) -> Passes[Any]:
    if name == "kto":
        return Kto(model, RATED, KtoSettings(**SMALL), BOTH, 0)
    if name == "orpo":
        return Orpo(model, CHOICES, OrpoSettings(**SMALL), Roles(POLICY, together=False), 0)
    if name == "simpo":
        settings = DpoSettings(loss="simpo", beta=2.0, margin=0.5, **SMALL)
        return Dpo(model, CHOICES, settings, Roles(POLICY, together=False), 0)
    changed: dict[str, Any] = {
        "dpo": {},
        "ipo": {"loss": "ipo"},
        "cdpo": {"label_smoothing": 0.1},
        "rpo": {"sft_coefficient": 1.0},
    }[name]
    return Dpo(model, CHOICES, DpoSettings(**SMALL, **changed), BOTH, 0)


def log_likelihoods(model: RoleModel, word: int) -> torch.Tensor:
    """(prompts,) of the answer on prompts that nobody learned from."""
    read = [Sequence_(answer.ids, POLICY, answer.learn) for answer in (said(p, word) for p in UNTOLD)]
    with torch.no_grad():
        return model(pack(read)).logprobs.view(-1, 2).sum(dim=1)


@pytest.mark.parametrize("name", ["dpo", "cdpo", "ipo", "simpo", "rpo", "kto", "orpo"])
def test_preferred_answers_become_likelier(models: Path, tmp_path: Path, name: str) -> None:
    """Also to prompts that were not learned from. Seen failing with better and worse exchanged."""
    model = preference_base(models).model
    kind, rude = log_likelihoods(model, KIND), log_likelihoods(model, RUDE)
    trace = Trace(algorithm(name, model), tmp_path)
    gained, lost = log_likelihoods(model, KIND) - kind, rude - log_likelihoods(model, RUDE)
    assert (gained > 0.5).all(), gained
    assert (gained + lost > 1.0).all(), lost
    first, last = trace.journal[0]["loss"], trace.journal[-1]["loss"]
    learned = "odds_ratio" if name == "orpo" else "preference"
    assert last[learned] < first[learned] and last["accuracy"] == 1.0
    assert last["chosen_logp"] > first["chosen_logp"]
