"""What PPO needs beside rollouts: its critic, its ptx examples, its averaged policy. Knows no update."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from dajeong.data.reserved import refuse_reserved
from dajeong.models.adapters import AdapterNotes, load_role, lora_of
from dajeong.models.base import load_base
from dajeong.models.roles import RoleModel
from dajeong.models.runtime import key
from dajeong.records import Dialogue
from dajeong.training.critic import VALUE, Critic
from dajeong.training.examples import examples_of
from dajeong.training.parallel import saves
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.ptx import Ptx
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_step import RolloutStep, policy_card
from dajeong.training.sft import report_examples
from dajeong.workplace import Workplace

AVERAGE = "ema"
"""Folder of the averaged policy, inside that of the policy."""


def critic_of(settings: PpoSettings, step: RolloutStep, seed: int) -> Critic:
    """Who values states, with its adapter and head on the model where it lives."""
    if settings.critic == "head":
        step.base.model.add_head(VALUE, trainable=True, seed=key(seed, "head", VALUE))
        return Critic(AdapterNotes(role=VALUE), "head")
    scale = scale_of(settings, step.rollouts.rewards)
    if settings.critic == "role":
        add_value(step.base.model, step.judges, step.source, seed)
        return Critic(scale)
    base = step.base
    runtime = step.parallel.runtime(settings.runtime)
    apart = load_base(base.reference, runtime, revision=base.revision).model
    load_value(apart, step.judges, step.source, seed)
    return Critic(scale, "model", apart)


def scale_of(settings: PpoSettings, rewards: Mapping[str, AdapterNotes]) -> AdapterNotes:
    """Units of the values: those of the first reward role, where values start as its answers and rewards are
    normalised at all.
    """
    first = next(iter(rewards.values()), None)
    return AdapterNotes(role=VALUE) if first is None or settings.normalise == "none" else first


def add_value(model: RoleModel, judges: Mapping[str, Path], source: Path, seed: int = 0) -> None:
    """Role `value` as a copy of the first reward role of `model`, its head included; where there is none, of
    the adapter in `source`, with a new head.
    """
    role, folder = next(iter(judges.items()), (None, source))
    if role is None:
        load_value(model, judges, source, seed)
        return
    model.add_role(VALUE, lora_of(folder), trainable=True, copy_of=role)
    model.add_head(VALUE, trainable=True)
    with torch.no_grad():
        model.score(VALUE).copy_(model.score(role))


def load_value(model: RoleModel, judges: Mapping[str, Path], source: Path, seed: int) -> None:
    """The same from the folders, onto a model that holds no roles."""
    load_role(model, VALUE, next(iter(judges.values()), source), trainable=True)
    if VALUE not in model.heads:
        model.add_head(VALUE, trainable=True, seed=key(seed, "head", VALUE))


def ptx_of(settings: PpoSettings, step: RolloutStep, work: Workplace) -> Ptx | None:
    """The examples that are learned beside the replies; they enter the card, too."""
    data = work.records("ptx", Dialogue)
    if not data:
        return None
    refuse_reserved(data, work.name)
    found = examples_of(data, step.template, step.base.tokenizer, settings.ptx_max_tokens)
    report_examples(found, work)
    step.read["ptx"] = data
    return Ptx(found.tokens, settings.ptx_tokens_per_update, work.seed)


def save_average(average: RoleCopy | None, step: RolloutStep, settings: PpoSettings, work: Workplace) -> None:
    """Write the averaged policy, an adapter like any other, into the folder of the policy."""
    if average and saves(step.parallel):
        card = policy_card("ppo", step, settings, work)
        write = step.parallel.rank == 0
        average.save(step.base, work.model_folder / AVERAGE, step.template, card, write=write)
