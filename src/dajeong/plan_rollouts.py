"""What a step holds and does that draws replies, to learn from them or to show them, or that only reads.

Knows settings of steps; rehearses nothing and opens no data.
"""

from __future__ import annotations

import math
from typing import Any

from dajeong.models.settings import LoraSettings, RuntimeSettings
from dajeong.plan_models import POLICY, SFT, VALUE, Models, Place, Planned, adapter_in, body_of, width_of
from dajeong.plan_sizes import Sizes
from dajeong.planning.hours import Effort, Learning, step_bytes, token_flops
from dajeong.planning.memory import Cache, Phase, Workload, columns_of
from dajeong.planning.rehearsal import Forward, Reader, RoleShape
from dajeong.planning.shapes import Shape
from dajeong.recipe import Step

PREFILL = 4096
"""Prompt tokens of one forward in front of decoding."""
FOLDED = 100_000_000
"""Parameters up to which decoding on the processor works on a copy of the weights."""


def rollouts(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    shape = models.shape(step)
    lora = models.adapter(step.inputs["policy"][0]) or LoraSettings()
    lora = lora.model_copy(update={"dropout": 0.0})
    judges, others = _judges(step, models, shape, place)
    critic = getattr(settings, "critic", None)
    first = next(iter(judges.values()), lora)
    roles = [RoleShape(SFT, lora), RoleShape(POLICY, lora, trainable=True)]
    roles += [RoleShape(name, each, head=True) for name, each in judges.items()]
    if critic:
        roles.append(RoleShape(VALUE, first if critic != "head" else None, trainable=True, head=True))
    phases = _rollout_phases(settings, sizes, place, shape, [*judges], critic)
    copies = int(settings.guards.action == "stop") + int(bool(getattr(settings, "ema", None)))
    workload = Workload(
        shape,
        body_of(shape, tuple(roles), settings.runtime, place),
        tuple(phases),
        settings.runtime.quantised,
        copies,
        2 if critic == "model" else 1,
        others,
        settings.parallel,
        place.world,
        settings.runtime.offload is not None,
    )
    effort, tokens = _rollout_effort(settings, sizes, shape, len(judges), critic, lora)
    largest = max(phase.forward.num_tokens for phase in phases)
    return Planned(workload, effort, settings.updates * settings.steps_per_rollout, tokens, largest)


def _judges(step: Step, models: Models, shape: Shape, place: Place) -> tuple[dict[str, LoraSettings], int]:
    """Reward roles on the policy's base, and bytes of reward models on others."""
    roles: dict[str, LoraSettings] = {}
    others = 0
    for reference in step.inputs.get("rewards", ()):
        if reference.step is not None:
            judge = models.steps[reference.step]
            adapter = models.adapter(reference) or LoraSettings()
            if models.name_of(judge) == models.name_of(step):
                roles[f"reward-{reference.model_name}"] = adapter.model_copy(update={"dropout": 0.0})
            else:
                others += models.shape(judge).weights(width_of(place))
        elif reference.path is not None and (adapter_here := adapter_in(reference.path)):
            roles[f"reward-{reference.model_name}"] = adapter_here.model_copy(update={"dropout": 0.0})
    return roles, others


def _rollout_phases(
    settings: Any, sizes: Sizes, place: Place, shape: Shape, judges: list[str], critic: str | None
) -> list[Phase]:
    prompt, reply = sizes.prompt, settings.decoding.max_new_tokens
    length, budget = prompt + reply, settings.tokens_per_micro_batch
    replies = math.ceil(settings.prompts_per_update * settings.replies_per_prompt / place.world)
    slots = min(settings.max_slots, replies)
    beside = critic == "role"
    on_policy = critic == "head"
    own = Reader(POLICY, (length,), reply / length, reply * on_policy, VALUE if on_policy else None)

    def times(readers: list[Reader], most: int) -> tuple[Reader, ...]:
        each = max(1, min(most, budget // (length * len(readers))))
        return tuple(reader._replace(lengths=(length,) * each) for reader in readers)

    values = [Reader(VALUE, (length,), values=reply)] if beside else []
    read = [
        own,
        Reader(SFT, (length,), reply / length),
        *(Reader(name, (length,), values=1) for name in judges),
        *values,
    ]
    scoring = Forward(times(read, replies), gradient=False, entropy=True)
    entropy = bool(getattr(settings, "entropy", 0))
    update = Forward(times([own, *values], math.ceil(replies / settings.mini_batches)), entropy=entropy)
    prefill = Forward((Reader(POLICY, (prompt,) * max(1, min(slots, PREFILL // prompt))),), gradient=False)
    cache = Cache(slots, columns_of(prompt, reply))
    folded = place.device == "cpu" and shape.parameters <= FOLDED
    return [Phase("rollout", prefill, cache, folded), Phase("scoring", scoring), Phase("update", update)]


def _rollout_effort(
    settings: Any, sizes: Sizes, shape: Shape, num_judges: int, critic: str | None, lora: LoraSettings
) -> tuple[Effort, int]:
    """As if every reply were as long as it may be."""
    reply = settings.decoding.max_new_tokens
    length = sizes.mean_prompt + reply
    replies = settings.prompts_per_update * settings.replies_per_prompt
    slots = min(settings.max_slots, replies)
    share = reply / length
    read = Learning(False)
    values = 1 if critic in ("role", "model") else 0
    scoring = 2 * token_flops(shape, length, share, read) + (num_judges + values) * token_flops(
        shape, length, 0, read
    )
    learned = Learning(True, settings.runtime.checkpointing, lora=lora)
    update = token_flops(shape, length, share, learned) + values * token_flops(shape, length, 0, learned)
    prefill = token_flops(shape, sizes.mean_prompt, 0, read) * sizes.mean_prompt / length
    tokens = settings.updates * replies * length
    flops = tokens * (prefill + scoring + settings.epochs * update)
    steps = settings.updates * math.ceil(replies / slots) * reply
    effort = Effort(flops, steps, step_bytes(shape, slots, sizes.mean_prompt + reply / 2))
    return effort, round(tokens)


# --- models that answer or are read


def writing(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    if not step.inputs.get("models"):
        return None
    shape = models.shape(step)
    reply, prompt = settings.decoding.max_new_tokens, sizes.prompt
    roles = _largest_adapter(step, models)
    role = roles[0].name if roles else None
    slots = settings.max_slots
    prefill = Forward((Reader(role, (prompt,) * max(1, min(slots, PREFILL // prompt))),), gradient=False)
    cache = Cache(slots, columns_of(prompt, reply))
    folded = place.device == "cpu" and shape.parameters <= FOLDED
    phase = Phase("rollout", prefill, cache, folded)
    body = body_of(shape, roles, RuntimeSettings(), place)
    prompts = min(sizes.prompts, getattr(settings, "max_prompts", None) or sizes.prompts)
    replies = prompts * getattr(settings, "per_prompt", 1) * len(step.inputs["models"])
    steps = math.ceil(replies / slots) * reply
    effort = Effort(0.0, steps, step_bytes(shape, slots, sizes.mean_prompt + reply / 2))
    tokens = round(replies * (sizes.mean_prompt + reply)) or None
    return Planned(Workload(shape, body, (phase,)), effort, None, tokens, prefill.num_tokens)


def reading(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    field = next((name for name in ("models", "model", "judge") if step.inputs.get(name)), None)
    if field is None:
        return None
    shape = models.shape(step)
    roles = _largest_adapter(step, models, field)
    role = roles[0].name if roles else None
    budget = getattr(settings, "tokens_per_forward", 4096)
    length = min(512, budget)
    values = int(bool(roles) and roles[0].head)
    reader = Reader(role, (length,) * max(1, budget // length), 0.0 if values else 16 / length, values)
    phase = Phase("reading", Forward((reader,), gradient=False))
    runtime = getattr(settings, "runtime", RuntimeSettings())
    body = body_of(shape, roles, runtime, place)
    return Planned(Workload(shape, body, (phase,), runtime.quantised), Effort(), None, None, budget)


def _largest_adapter(step: Step, models: Models, field: str = "models") -> tuple[RoleShape, ...]:
    """Models come one after another; the one with the largest adapter counts."""
    shape, found = models.shape(step), list[tuple[int, RoleShape]]()
    for reference in step.inputs[field]:
        lora = models.adapter(reference)
        if lora is not None:
            head = reference.step is not None and models.steps[reference.step].use == "reward"
            plain = lora.model_copy(update={"dropout": 0.0})
            found.append((shape.adapter(plain), RoleShape(POLICY, plain, head=head)))
    return (max(found, key=lambda each: each[0])[1],) if found else ()
