"""What a step that learns from data holds and does: its roles, its largest forward, its passes.

Knows settings of steps; rehearses nothing and opens no data.
"""

from __future__ import annotations

import math
from typing import Any

from dajeong.models.settings import LoraSettings
from dajeong.plan_models import POLICY, SFT, Models, Place, Planned, body_of
from dajeong.plan_sizes import Sizes
from dajeong.planning.hours import Effort, Learning, token_flops
from dajeong.planning.memory import Phase, Workload
from dajeong.planning.rehearsal import Forward, Reader, RoleShape
from dajeong.recipe import Step
from dajeong.training.settings import AUTO

ON_CPU = 4096
"""Tokens of a forward on the processor whose budget is to be measured."""
SHORT = 256
"""On a card attention keeps nothing of a row's square; the processor does not either in rows this short."""


def base(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    if settings.model != "tiny":
        return None
    return _learning(step, settings, models, sizes, place, (), readers=(None,))


def sft(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    if settings.lora is None:
        return _learning(step, settings, models, sizes, place, (), readers=(None,))
    roles = (RoleShape(SFT, settings.lora, trainable=True),)
    copies = int(settings.keep == "best" or (settings.keep is None and settings.patience is not None))
    return _learning(step, settings, models, sizes, place, roles, readers=(SFT,), copies=copies)


def reward(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    lora = settings.lora or models.adapter(step.inputs["model"][0]) or LoraSettings()
    roles = (RoleShape("reward", lora.model_copy(update={"dropout": 0.0}), trainable=True, head=True),)
    copies = int(settings.keep == "best")
    return _learning(
        step, settings, models, sizes, place, roles, readers=("reward",), copies=copies, values_only=True
    )


def preferences(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    lora = models.adapter(step.inputs["policy"][0]) or settings.lora
    if lora is None:
        return _learning(step, settings, models, sizes, place, (), readers=(None,))
    lora = lora.model_copy(update={"dropout": 0.0})
    together = (
        getattr(settings, "reference_logprobs", "") == "forward" and getattr(settings, "loss", "") != "simpo"
    )
    roles = [RoleShape(POLICY, lora, trainable=True)]
    if together and models.adapter(step.inputs["policy"][0]):
        roles.append(RoleShape(SFT, lora))
    readers = (POLICY, SFT if len(roles) > 1 else None) if together else (POLICY,)
    return _learning(step, settings, models, sizes, place, tuple(roles), readers=readers)


def _learning(
    step: Step,
    settings: Any,
    models: Models,
    sizes: Sizes,
    place: Place,
    roles: tuple[RoleShape, ...],
    readers: tuple[str | None, ...],
    copies: int = 0,
    values_only: bool = False,
) -> Planned:
    shape, full = models.shape(step), not roles
    longest = min(sizes.longest, settings.max_tokens)
    budget = _budget(settings, sizes, place)
    if full and place.device == "cuda":
        longest = min(longest, SHORT)
    lengths = _lengths(sizes, longest, budget // len(readers), place)
    scored = 0.0 if values_only else sizes.learned if sizes.known else 1.0
    forward = Forward(tuple(Reader(role, lengths, scored, int(values_only)) for role in readers))
    body = body_of(shape, roles, settings.runtime, place, train_base=full)
    workload = Workload(
        shape,
        body,
        (Phase("update", forward),),
        settings.runtime.quantised,
        copies,
        parallel=settings.parallel,
        world=place.world,
        offload=settings.runtime.offload is not None,
    )
    updates, tokens = _passes(settings, sizes)
    lora = roles[0].lora if roles else None
    learning = Learning(True, settings.runtime.checkpointing, full, lora)
    mean = sizes.tokens / len(sizes.lengths) if sizes.lengths else longest
    share = 0.0 if values_only else sizes.learned
    tokens = tokens * len(readers) if tokens else None
    flops = token_flops(shape, min(mean, longest), share, learning)
    return Planned(workload, Effort((tokens or 0) * flops), updates, tokens, forward.num_tokens, flops)


def _lengths(sizes: Sizes, longest: int, budget: int, place: Place) -> tuple[int, ...]:
    """Of the sequences of a forward. On the processor unlike ones are padded to rectangles, so those of the
    data are taken, neighbours in length as in a run.
    """
    if place.device == "cuda" or not sizes.groups:
        return (longest,) * max(1, budget // longest)
    ordered = sorted(sizes.groups, key=sum)
    chosen = list(ordered[len(ordered) // 2])
    for group in ordered[len(ordered) // 2 + 1 :]:
        if sum(chosen) + sum(group) > budget:
            break
        chosen += group
    return tuple(chosen)


def _budget(settings: Any, sizes: Sizes, place: Place) -> int:
    """Tokens of the largest forward."""
    asked = settings.tokens_per_micro_batch
    if asked == AUTO:
        asked = place.auto if place.device == "cuda" else ON_CPU
    per_update = settings.tokens_per_update
    if examples := getattr(settings, "examples_per_update", None):
        per_update = examples * sizes.longest
    return min(int(asked), math.ceil(int(per_update) / place.world))


def _passes(settings: Any, sizes: Sizes) -> tuple[int | None, int | None]:
    """(updates, tokens of all of them), where the settings or the data say."""
    per_update = settings.tokens_per_update
    examples = getattr(settings, "examples_per_update", None)
    if sizes.lengths:
        from dajeong.training.batches import epoch_plan

        per_epoch = len(epoch_plan(sizes.lengths, per_update, "plan", examples=examples))
        updates = settings.updates or max(2, math.ceil(settings.epochs * per_epoch))
        return updates, round(sizes.tokens * updates / per_epoch)
    if settings.updates:
        per_update = examples * sizes.longest if examples else per_update
        return settings.updates, int(settings.updates * per_update)
    return None, None
