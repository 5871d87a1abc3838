"""What a step with rollouts does before it trains and after: roles on one base, prompts, guards; the adapter.

Knows no algorithm: PPO and its kin all begin and end here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem, UsageProblem
from dajeong.models.adapters import (
    AdapterNotes,
    base_of,
    load_role,
    lora_of,
    notes_of,
    save_role,
    template_of,
)
from dajeong.models.base import Base, load_base
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Dialogue
from dajeong.rollout.native import NativeEngine, context_limit
from dajeong.templates import Template
from dajeong.training.cards import card_of
from dajeong.training.critic import VALUE
from dajeong.training.guards import Guards
from dajeong.training.parallel import Parallel, parallel_of
from dajeong.training.rollout_settings import RolloutSettings
from dajeong.training.rollouts import POLICY, REFERENCE, Prompt, Rollouts
from dajeong.workplace import Workplace


class RolloutStep(NamedTuple):
    """A step that is ready to train."""

    base: Base
    parallel: Parallel
    rollouts: Rollouts
    template: Template
    asked: list[Dialogue]
    source: Path
    """Folder of the adapter that policy and reference start from."""
    judges: dict[str, Path]
    """Role of a reward → its folder."""


def opened(settings: RolloutSettings, work: Workplace) -> RolloutStep:
    """Load what the step `work` is given. Raises UsageProblem or DataProblem before anything is spent."""
    parallel = parallel_of(settings.parallel)
    asked = work.records("prompts", Dialogue)
    refuse_reserved(asked, work.name)
    source = Path(work.model("policy"))
    reference, revision = base_of(source)
    base = load_base(reference, settings.runtime, revision=revision)
    template = template_of(source)
    add_policy(base.model, source)
    judges = {f"reward-{name}": Path(path) for name, path in work.models("rewards").items()}
    rewards = add_rewards(base.model, judges, reference)
    watched = work.records("guard_prompts", Dialogue)
    refuse_reserved(watched, work.name)  # who stops by a test chooses by it
    guards = None if settings.guards.action == "off" else Guards(settings.guards, work, watched)
    rollouts = Rollouts(
        base,
        prompts_of(asked, base, template, work),
        rewards,
        stop_ids(template, base.tokenizer),
        settings,
        work.seed,
        NativeEngine(base.model, settings.max_slots),
        parallel,
        guards,
        prompts_of(watched, base, template, work) if guards and watched else (),
    )
    return RolloutStep(base, parallel, rollouts, template, asked, source, judges)


def save_policy(kind: str, step: RolloutStep, settings: RolloutSettings, work: Workplace) -> None:
    """Write the trained policy, on the first process."""
    if step.parallel.rank:
        return
    grown_from = [step.source, *step.judges.values()]
    read = {"prompts": step.asked}
    reference = base_of(step.source)[0]
    card = card_of(work, kind, POLICY, settings, step.template.name, read, reference, grown_from)
    save_role(step.base, POLICY, work.model_folder, step.template, card=card)


def prompts_of(asked: Sequence[Dialogue], base: Base, template: Template, work: Workplace) -> list[Prompt]:
    """Prompts that leave room for a reply; the others are counted. Raises DataProblem where none is left."""
    limit = context_limit(base.model.config)
    questions = [(d.id, d.messages if d.is_prompt else d.messages[:-1]) for d in asked]
    prompts = [Prompt(name, prompt_ids(said, template, base.tokenizer), said) for name, said in questions]
    fitting = [prompt for prompt in prompts if len(prompt.ids) < limit]
    if len(fitting) < len(prompts):
        left_out = len(prompts) - len(fitting)
        work.progress.say("prompts-too-long", step=work.name, left_out=left_out, limit=limit)
    if not fitting:
        raise DataProblem("no-prompts", step=work.name)
    return fitting


def add_policy(model: RoleModel, source: Path) -> None:
    """The reference is the adapter in `source`, frozen; the policy starts as its copy."""
    load_role(model, REFERENCE, source)
    model.add_role(POLICY, lora_of(source), trainable=True, copy_of=REFERENCE)


def add_rewards(model: RoleModel, judges: Mapping[str, Path], reference: str) -> dict[str, AdapterNotes]:
    """Load reward roles. Raises UsageProblem on another base."""
    found = {}
    for role, folder in judges.items():
        if base_of(folder)[0] != reference:
            name = role.removeprefix("reward-")
            raise UsageProblem("reward-other-base", reward=name, base=base_of(folder)[0], expected=reference)
        load_role(model, role, folder)
        found[role] = notes_of(folder)
    return found


def add_value(model: RoleModel, judges: Mapping[str, Path]) -> None:
    """Value starts as a copy of the first reward role, its head included."""
    first, folder = next(iter(judges.items()))
    model.add_role(VALUE, lora_of(folder), trainable=True, copy_of=first)
    model.add_head(VALUE, trainable=True)
    with torch.no_grad():
        model.score(VALUE).copy_(model.score(first))
