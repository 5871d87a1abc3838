"""What each kind of step holds and does on its card: roles, forwards, caches; tokens and operations in all.

Knows settings of steps; rehearses nothing and opens no data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.inspecting import base_of_step
from dajeong.models.settings import LoraSettings, RuntimeSettings
from dajeong.plan_sizes import Sizes
from dajeong.planning.hours import Effort, Learning, step_bytes, token_flops
from dajeong.planning.memory import Cache, Phase, Workload, columns_of
from dajeong.planning.rehearsal import Body, Device, Forward, Reader, RoleShape
from dajeong.planning.shapes import Shape, config_of, shape_of, tiny_config
from dajeong.recipe import Recipe, Step
from dajeong.references import Reference
from dajeong.training.settings import AUTO

POLICY, SFT, VALUE = "policy", "sft", "value"
ON_CPU = 4096
"""Tokens of a forward on the processor whose budget is to be measured."""
PREFILL = 4096
"""Prompt tokens of one forward in front of decoding."""
FOLDED = 100_000_000
"""Parameters up to which decoding on the processor works on a copy of the weights."""
SHORT = 256
"""On a card attention keeps nothing of a row's square; the processor does not either in rows this short."""


class Place(NamedTuple):
    """Where a step is to run."""

    device: Device = "cuda"
    world: int = 1
    auto: int = 8192
    """Tokens of a forward whose budget is to be measured there."""


class Planned(NamedTuple):
    """One step on one card."""

    workload: Workload
    effort: Effort
    updates: int | None
    """Optimizer steps; None where the data would have to say."""
    tokens: int | None
    """Tokens read in all, as often as they are read; of rollouts, those drawn and their prompts at most."""
    per_forward: int
    flops_per_token: float = 0.0


class Models:
    """The bases and adapters of a recipe's steps, by their configurations."""

    def __init__(self, recipe: Recipe) -> None:
        self.steps = {step.name: step for step in recipe.steps}
        self._shapes: dict[str, Shape] = {}

    def name_of(self, step: Step) -> str:
        """What the base of a step is called."""
        if step.kind.named_by:
            return str(getattr(step.settings, step.kind.named_by))
        base, reference = base_of_step(step, self.steps)
        return self.name_of(base) if base is not None else reference

    def shape(self, step: Step) -> Shape:
        """Raises EnvironmentProblem where the base's configuration is out of reach."""
        base = step if step.kind.named_by else base_of_step(step, self.steps)[0]
        name = self.name_of(step)
        if name not in self._shapes:
            tiny = base is not None and name == "tiny"
            config = tiny_config(base.settings.tiny) if tiny and base else config_of(name)  # type: ignore[attr-defined]
            self._shapes[name] = shape_of(config)
        return self._shapes[name]

    def adapter(self, reference: Reference) -> LoraSettings | None:
        """The shape of an adapter that a step starts from; None for a bare base."""
        if reference.step is None:
            return _adapter_in(reference.path) if reference.path else None
        step = self.steps[reference.step]
        settings: Any = step.settings
        if step.kind.named_by:
            return None
        started = [refs[0] for field, refs in step.inputs.items() if field in ("model", "policy")]
        below = self.adapter(started[0]) if started else None
        if step.use == "sft":
            return settings.lora  # type: ignore[no-any-return]
        if step.use == "reward":
            return settings.lora or below or LoraSettings()
        return below or getattr(settings, "lora", None)


def _adapter_in(folder: Path) -> LoraSettings | None:
    from dajeong.models.adapters import CONFIG, lora_of

    return lora_of(folder) if (folder / CONFIG).is_file() else None


def planned(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    """None for a step that puts no model on the card. `settings` may differ from the step's own."""
    makers: Mapping[str, Callable[..., Planned | None]] = {
        "base": _base,
        "sft": _sft,
        "reward": _reward,
        "ppo": _rollouts,
        "grpo": _rollouts,
        "rloo": _rollouts,
        "dpo": _preferences,
        "kto": _preferences,
        "orpo": _preferences,
        "replies": _writing,
        "respond": _writing,
        "evaluate": _writing,
        "refusals": _writing,
        "kobest": _reading,
        "reward-report": _reading,
        "judge": _reading,
        "compare": _reading,
    }
    maker = makers.get(step.use)
    return maker(step, settings, models, sizes, place) if maker else None


# --- training on data


def _base(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    if settings.model != "tiny":
        return None
    return _learning(step, settings, models, sizes, place, (), readers=(None,))


def _sft(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    if settings.lora is None:
        return _learning(step, settings, models, sizes, place, (), readers=(None,))
    roles = (RoleShape(SFT, settings.lora, trainable=True),)
    copies = int(settings.keep == "best" or (settings.keep is None and settings.patience is not None))
    return _learning(step, settings, models, sizes, place, roles, readers=(SFT,), copies=copies)


def _reward(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
    lora = settings.lora or models.adapter(step.inputs["model"][0]) or LoraSettings()
    roles = (RoleShape("reward", lora.model_copy(update={"dropout": 0.0}), trainable=True, head=True),)
    copies = int(settings.keep == "best")
    return _learning(
        step, settings, models, sizes, place, roles, readers=("reward",), copies=copies, values_only=True
    )


def _preferences(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
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
    body = _body(shape, roles, settings.runtime, place, train_base=full)
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
    """Of the sequences of a forward. On the processor unlike ones are padded to rectangles, so those of the data
    are taken, neighbours in length as in a run.
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


# --- rollouts


def _rollouts(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
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
        _body(shape, tuple(roles), settings.runtime, place),
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
                others += models.shape(judge).weights(_width(place))
        elif reference.path is not None and (adapter_here := _adapter_in(reference.path)):
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


def _writing(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
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
    body = _body(shape, roles, RuntimeSettings(), place)
    prompts = min(sizes.prompts, getattr(settings, "max_prompts", None) or sizes.prompts)
    replies = prompts * getattr(settings, "per_prompt", 1) * len(step.inputs["models"])
    steps = math.ceil(replies / slots) * reply
    effort = Effort(0.0, steps, step_bytes(shape, slots, sizes.mean_prompt + reply / 2))
    tokens = round(replies * (sizes.mean_prompt + reply)) or None
    return Planned(Workload(shape, body, (phase,)), effort, None, tokens, prefill.num_tokens)


def _reading(step: Step, settings: Any, models: Models, sizes: Sizes, place: Place) -> Planned | None:
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
    body = _body(shape, roles, runtime, place)
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


# --- common


def _body(
    shape: Shape,
    roles: tuple[RoleShape, ...],
    runtime: RuntimeSettings,
    place: Place,
    *,
    train_base: bool = False,
) -> Body:
    import torch

    half = runtime.dtype == "bfloat16" or (runtime.dtype == "auto" and place.device == "cuda")
    dtype = torch.bfloat16 if half and not train_base else torch.float32
    return Body(shape.config, roles, dtype, runtime.checkpointing, train_base, place.device)


def _width(place: Place) -> int:
    return 2 if place.device == "cuda" else 4
