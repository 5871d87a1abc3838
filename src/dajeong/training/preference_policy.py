"""How a policy that learns from preferences starts and ends: base, adapter, reference, folder.

The reference is what the policy starts from: the frozen adapter, or the base where the adapter is new. Any
other is refused before anything is read, unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from dajeong.errors import UsageProblem
from dajeong.models.adapters import (
    CONFIG,
    TEMPLATE,
    adapter_tensors,
    base_of,
    load_role,
    lora_of,
    save_role,
    template_of,
)
from dajeong.models.base import Base, load_base
from dajeong.models.fitness import Needs
from dajeong.models.full import save_full
from dajeong.models.layout import Role
from dajeong.models.load import own_template
from dajeong.models.roles import BASE, RoleModel
from dajeong.models.runtime import key
from dajeong.records import Record
from dajeong.templates import Template, find_template
from dajeong.training.algorithm import Algorithm
from dajeong.training.cards import card_of
from dajeong.training.loop import Loop
from dajeong.training.parallel import Parallel, saves
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_examples import Counts
from dajeong.training.preference_settings import PreferenceSettings, ReferenceSettings
from dajeong.training.rollouts import POLICY, REFERENCE
from dajeong.workplace import Workplace


class Start(NamedTuple):
    """All that an algorithm starts from."""

    base: Base
    template: Template
    roles: Roles
    grown_from: tuple[Path, ...]
    """Adapters that the policy began as."""


def start_policy(settings: PreferenceSettings, work: Workplace, *, with_reference: bool) -> Start:
    """The model that input `policy` names, ready to learn. Raises UsageProblem where its reference is of
    another base, or not what it starts from.
    """
    folder = Path(work.model("policy"))
    on_adapter = (folder / CONFIG).is_file()
    base, template = (_below_adapter if on_adapter else _whole)(settings, work)
    policy = _add_policy(base, settings, folder if on_adapter else None, work.seed)
    start = Start(base, template, Roles(policy, None, False), (folder,) if on_adapter else ())
    if not with_reference or not isinstance(settings, ReferenceSettings):
        return start
    reference = _add_reference(base, settings, folder if on_adapter else None, policy, work)
    together = settings.reference_logprobs == "forward"
    if together and policy is None:
        raise UsageProblem("full-needs-cached", step=work.name)
    return start._replace(roles=Roles(policy, reference, together))


def _below_adapter(settings: PreferenceSettings, work: Workplace) -> tuple[Base, Template]:
    folder = Path(work.model("policy"))
    if settings.lora is None:
        raise UsageProblem("policy-is-adapter", step=work.name, path=folder)
    template = template_of(folder)
    reference, revision = base_of(folder)
    needs = Needs(settings.max_tokens, template=template)
    return load_base(reference, settings.runtime, revision=revision, needs=needs), template


def _whole(settings: PreferenceSettings, work: Workplace) -> tuple[Base, Template]:
    """A whole model speaks the template saved beside it, or its tokenizer's own; else the settings'."""
    given = work.model("policy")
    needs = Needs(settings.max_tokens, settings.lora)
    base = load_base(given, settings.runtime, train_base=settings.lora is None, needs=needs)
    if (Path(given) / TEMPLATE).is_file():
        return base, template_of(Path(given))
    if isinstance(base.tokenizer.huggingface.chat_template, str):
        return base, own_template(base.tokenizer, given)
    return base, find_template(settings.template)


def _add_policy(base: Base, settings: PreferenceSettings, folder: Path | None, seed: int) -> Role:
    if folder is not None:
        load_role(base.model, POLICY, folder, trainable=True)
    elif settings.lora is None:
        return None
    else:
        base.model.add_role(POLICY, settings.lora, trainable=True, seed=key(seed, "lora", POLICY))
    return POLICY


def _add_reference(
    base: Base, settings: ReferenceSettings, folder: Path | None, policy: Role, work: Workplace
) -> Role:
    """The frozen role of what the policy starts from, or of what input `reference` names."""
    given = work.inputs.get("reference", ())
    if not given:
        return _copied(base.model, folder)
    place = Path(str(given[0]))
    on_adapter = (place / CONFIG).is_file()
    below = base_of(place)[0] if on_adapter else str(given[0])
    if below != base.reference:
        raise UsageProblem("reference-other-base", step=work.name, base=below, expected=base.reference)
    if on_adapter:
        load_role(base.model, REFERENCE, place)
    role = REFERENCE if on_adapter else None
    if not settings.other_reference and not same_start(base.model, policy, role, new=folder is None):
        raise UsageProblem("reference-differs", step=work.name, reference=given[0])
    return role


def _copied(model: RoleModel, folder: Path | None) -> Role:
    if folder is None:
        return None
    model.add_role(REFERENCE, lora_of(folder), trainable=False, copy_of=POLICY)
    return REFERENCE


def same_start(model: RoleModel, policy: Role, reference: Role, *, new: bool) -> bool:
    """Whether both read the same: a new adapter is the base itself, others must be equal to the bit."""
    if reference is None or policy is None:
        return reference is None and new
    ours, theirs = adapter_tensors(model, policy), adapter_tensors(model, reference)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def tell(counts: Counts, work: Workplace) -> None:
    """Say what is learned from, what was cut and what was left out, before anything is spent."""
    work.progress.say("preference-examples", step=work.name, **counts._asdict())


def learn(
    algorithm: Algorithm,
    start: Start,
    settings: PreferenceSettings,
    work: Workplace,
    parallel: Parallel,
    kind: str,
    data: Sequence[Record],
) -> None:
    """Run the loop and keep the step's model: an adapter, or a whole model where every weight was trained."""
    role = start.roles.policy or BASE
    Loop(algorithm, work, parallel, settings.checkpoint_every, {"role": role}).run()
    if saves(parallel):
        save = save_full if role == BASE else save_role
        read, base = {"data": data}, start.base
        name = start.template.name
        card = card_of(work, kind, role, settings, name, read, base.reference, start.grown_from)
        save(base, role, work.model_folder, start.template, card=card, write=parallel.rank == 0)
