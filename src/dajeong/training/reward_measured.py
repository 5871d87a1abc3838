"""A trained reward role, measured: its rewards on SFT answers, and whether its gate lets it through."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dajeong.errors import QualityProblem
from dajeong.models.adapters import AdapterNotes
from dajeong.models.base import Base
from dajeong.models.runtime import permutation
from dajeong.models.scoring import rewards_of, scored_ids
from dajeong.records import Dialogue
from dajeong.templates import Template
from dajeong.training.examples import Ranked
from dajeong.training.reward_gate import Fault, Read, faults, statistics_of
from dajeong.training.settings import RewardSettings
from dajeong.workplace import Workplace


def measured(
    base: Base, role: str, template: Template, settings: RewardSettings, work: Workplace
) -> AdapterNotes:
    """Mean and deviation of the reward on SFT examples, so that PPO sees mean 0 and deviation 1."""
    answered = [d for d in work.records("normalise", Dialogue) if not d.is_prompt]
    if not answered:
        return AdapterNotes(role=role, max_tokens=settings.max_tokens)
    picked = [
        answered[index]
        for index in permutation(len(answered), work.seed, "normalise")[: settings.normalise_rows]
    ]
    ids = [
        scored_ids(d.messages[:-1], d.messages[-1].content, template, base.tokenizer, settings.max_tokens)
        for d in picked
    ]
    found = rewards_of(base.model, role, ids, settings.tokens_per_micro_batch)
    rewards = torch.tensor(found, dtype=torch.float64)
    return AdapterNotes(
        role=role,
        reward_mean=float(rewards.mean()),
        reward_deviation=(float(rewards.std()) or 1.0) if len(rewards) > 1 else 1.0,
        max_tokens=settings.max_tokens,
    )


def pass_gate(
    base: Base,
    role: str,
    preferences: Sequence[Ranked],
    settings: RewardSettings,
    work: Workplace,
    *,
    write: bool = True,
) -> None:
    """Writes down what the gate reads, if `write`. Raises QualityProblem where it is told to stop by it."""
    gate = settings.gate
    if gate.action == "off":
        return
    picked = preferences[: gate.prompts]
    sequences = [ids for preference in picked for ids in preference.sequences]
    rewards = iter(rewards_of(base.model, role, sequences, settings.tokens_per_micro_batch))
    read = [Read([next(rewards) for _ in p.sequences], [len(ids) for ids in p.sequences]) for p in picked]
    found = statistics_of(read)
    failed = faults(found, gate)
    if write:
        _tell(found, failed, work)
    for fault in failed:
        if gate.action == "stop":
            raise QualityProblem("reward-gate-stops", step=work.name, what=str(fault))
        work.progress.say("reward-gate-warns", step=work.name, what=str(fault))


def _tell(found: dict[str, float], failed: Sequence[Fault], work: Workplace) -> None:
    journal = work.journal(None)
    journal.write(
        "gate",
        not_finite=found["not_finite"],
        spread=found.get("spread"),
        unequal_pairs=found.get("unequal_pairs"),
        length_agreement=found.get("length_agreement"),
        failed=[fault.statistic for fault in failed],
    )
    journal.close()
