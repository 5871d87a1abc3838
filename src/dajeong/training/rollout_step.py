"""What a step with rollouts does before it trains and after: roles on one base, prompts, guards; the adapter.

Knows no algorithm: PPO and its kin all begin and end here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem, QualityProblem
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
from dajeong.models.fitness import Needs
from dajeong.models.roles import RoleModel
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Dialogue, Record
from dajeong.rollout.native import NativeEngine, context_limit
from dajeong.templates import Template
from dajeong.training.algorithm import Algorithm
from dajeong.training.cards import card_of
from dajeong.training.guards import LAST_GOOD, Guards
from dajeong.training.loop import Loop
from dajeong.training.parallel import Parallel, parallel_of, saves
from dajeong.training.reward_sources import Policy, role_of, sources_of
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_settings import RolloutSettings
from dajeong.training.rollouts import POLICY, REFERENCE, Prompt, Rollouts
from dajeong.workplace import Workplace


class RolloutStep(NamedTuple):
    """A step that is ready to train."""

    base: Base
    parallel: Parallel
    rollouts: Rollouts
    template: Template
    read: dict[str, Sequence[Record]]
    """Input → its records, for the card."""
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
    template = template_of(source)
    runtime = parallel.runtime(settings.runtime)
    base = load_base(reference, runtime, revision=revision, needs=Needs(template=template))
    add_policy(base.model, source)
    policy = Policy(reference, base.tokenizer, template, settings.runtime)
    given = sources_of(settings, work.models("rewards"), policy)
    judges = {role_of(name): folder for name, folder in given.roles.items()}
    rewards = add_rewards(base.model, judges)
    guards, guarded = _guards(settings, work, base, template)
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
        guarded,
        given.others,
    )
    return RolloutStep(base, parallel, rollouts, template, {"prompts": asked}, source, judges)


def learn(
    kind: str, algorithm: Algorithm, step: RolloutStep, settings: RolloutSettings, work: Workplace
) -> None:
    """Run the algorithm to its end and write the policy; where the run is stopped for its quality, the last
    good policy, if the guards kept one.
    """
    every = settings.checkpoint_every * settings.steps_per_rollout
    write = step.parallel.rank == 0
    try:
        Loop(algorithm, work, step.parallel, every, {"roles": sorted(step.rollouts.rewards)}).run()
    except QualityProblem:
        guards = step.rollouts.guards
        if guards and guards.good and saves(step.parallel):
            guards.good.save(step.base, work.folder / LAST_GOOD, step.template, write=write)
            work.progress.say("last-good-kept", step=work.name, path=work.folder / LAST_GOOD)
        raise
    if saves(step.parallel):
        card = policy_card(kind, step, settings, work)
        save_role(step.base, POLICY, work.model_folder, step.template, card=card, write=write)


def policy_card(kind: str, step: RolloutStep, settings: RolloutSettings, work: Workplace) -> str:
    """The card of the policy: it inherits the sources of all that it learned from."""
    grown_from: list[str | Path] = [step.source, *work.models("rewards").values()]
    reference, name = base_of(step.source)[0], step.template.name
    return card_of(work, kind, POLICY, settings, name, step.read, reference, grown_from)


def prompts_of(asked: Sequence[Dialogue], base: Base, template: Template, work: Workplace) -> list[Prompt]:
    """Prompts that leave room for a reply; the others are counted. Raises DataProblem where none is left."""
    limit = context_limit(base.model.config)
    prompts = [
        Prompt(d.id, prompt_ids(d.messages, template, base.tokenizer), d) for d in map(_asked_only, asked)
    ]
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


def add_rewards(model: RoleModel, judges: Mapping[str, Path]) -> dict[str, AdapterNotes]:
    """Load the reward roles, each from its folder."""
    for role, folder in judges.items():
        load_role(model, role, folder)
    return {role: notes_of(folder) for role, folder in judges.items()}


def _guards(
    settings: RolloutSettings, work: Workplace, base: Base, template: Template
) -> tuple[Guards | None, list[Prompt]]:
    """The guards and the prompts that they ask."""
    watched = work.records("guard_prompts", Dialogue)
    refuse_reserved(watched, work.name)  # who stops by a test chooses by it
    if settings.guards.action == "off":
        return None, []
    good = RoleCopy(base.model, POLICY) if settings.guards.action == "stop" else None
    prompts = prompts_of(watched, base, template, work) if watched else []
    return Guards(settings.guards, work, watched, good), prompts


def _asked_only(dialogue: Dialogue) -> Dialogue:
    if dialogue.is_prompt:
        return dialogue
    return dialogue.model_copy(update={"messages": dialogue.messages[:-1]})
