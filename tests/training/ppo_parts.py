"""PPO put together with any of its parts, and small numbers to hold it against."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch
from small_training import END, TEXT, Scripted, drawn_examples, fresh_base, ppo_settings
from torch import Tensor

from dajeong.models.base import Base
from dajeong.records import Dialogue, Message
from dajeong.rollout.engine import Engine
from dajeong.rollout.native import NativeEngine
from dajeong.templates import TEMPLATES
from dajeong.training.guards import Guards
from dajeong.training.parallel import Parallel, Single
from dajeong.training.ppo import Ppo
from dajeong.training.ppo_step import critic_of
from dajeong.training.ptx import Ptx
from dajeong.training.reward_sources import LengthSource, RuleSource
from dajeong.training.rewards import RewardSource
from dajeong.training.rollout_step import RolloutStep, add_policy, add_rewards
from dajeong.training.rollouts import POLICY, Prompt, Rollouts

T = TypeVar("T")


def asked(count: int = 10) -> list[Prompt]:
    """Prompts that are texts, too."""
    said = [Dialogue(id=f"asked-{n}", messages=(Message(role="user", content=TEXT),)) for n in range(count)]
    return [Prompt(each.id, [5 + n, 6, 7 + 2 * n], each) for n, each in enumerate(said)]


def ready(
    models: Path,
    *,
    engine: Engine | None = None,
    parallel: Parallel | None = None,
    guards: Guards | None = None,
    num_examples: int = 0,
    micro: int = 8192,
    double: bool = False,
    native: bool = False,
    **changed: Any,
) -> Ppo:
    """PPO as its step puts it together; `num_examples` are learned beside the replies."""
    settings = ppo_settings(tokens_per_micro_batch=micro, **changed)
    base = fresh_base(models)
    add_policy(base.model, models / "sft")
    judges = {f"reward-{name}": models / f"reward-{name}" for name in settings.rewards}
    notes = add_rewards(base.model, judges)
    if double:
        base.model.double()
    sources: list[RewardSource] = [RuleSource(criterion) for criterion in settings.rules]
    sources += [LengthSource(settings.length)] if settings.length else []
    chosen = engine or (NativeEngine(base.model, max_slots=4) if native else Scripted())
    rollouts = Rollouts(
        base, asked(), notes, frozenset({END}), settings, 3, chosen, parallel, guards, (), sources
    )
    step = RolloutStep(
        base, parallel or Single(), rollouts, TEMPLATES["koalpaca"], {}, models / "sft", judges
    )
    critic = critic_of(settings, step, 3)
    for model in (base.model, critic.apart):
        if double and model is not None:
            model.double()
    ptx = Ptx(drawn_examples(num_examples), settings.ptx_tokens_per_update, 3) if num_examples else None
    return Ppo(rollouts, settings, critic, ptx)


@contextlib.contextmanager
def moved_away(base: Base, by: float = 0.5) -> Iterator[None]:
    """Inside, the policy is not its reference."""
    layer = next(iter(base.model.role_layers().values()))
    before = layer.B[POLICY].detach().clone()
    try:
        with torch.no_grad():
            layer.B[POLICY].add_(by)
        yield
    finally:
        with torch.no_grad():
            layer.B[POLICY].copy_(before)


def gradients(algorithm: Ppo, terms: Sequence[str]) -> dict[str, Tensor]:
    """Of the first update's terms, each divided by its weight and times its coefficient."""
    update = next(algorithm.updates())
    totals = {t: sum(batch.weights[t] for batch in update.batches) for t in algorithm.coefficients}
    for batch in update.batches:
        found = algorithm.loss(algorithm.models[batch.model](batch.tokens), batch)
        loss = sum(
            algorithm.coefficients[t] * found[t] / totals[t] for t in terms if t in found and totals[t]
        )
        if isinstance(loss, Tensor):
            loss.backward()
    return {
        f"{name}/{role}/{parameter_name}": parameter.grad.clone()
        for name, model in algorithm.models.items()
        for role in algorithm.groups
        for parameter_name, parameter in model.parameters_of(role).items()
        if parameter.grad is not None
    }


class Thread(Single):
    """One of two processes that are threads: what one gathers, the other sees. They take turns, for libraries
    share what processes would not.
    """

    world = 2

    def __init__(
        self, rank: int, turn: threading.Lock, meeting: threading.Barrier, table: list[list[Any]]
    ) -> None:
        self.rank, self.turn, self.meeting, self.table = rank, turn, meeting, table

    def gather(self, items: list[T]) -> list[T]:
        self.table[self.rank] = list(items)
        self._meet()
        found = [item for share in self.table for item in share]
        self._meet()
        return found

    def _meet(self) -> None:
        self.turn.release()
        try:
            self.meeting.wait(60)
        finally:
            self.turn.acquire()


def two_ranks(make: Callable[[Parallel], Any]) -> list[Any]:
    """The algorithms of two processes; `buffer` is the first rollout as each of them has it."""
    turn, meeting, table = threading.Lock(), threading.Barrier(2), [[], []]  # type: ignore[var-annotated]
    algorithms = [make(Thread(rank, turn, meeting, table)) for rank in (0, 1)]

    def begin(algorithm: Any) -> None:
        with turn:
            algorithm.buffer = algorithm.experience(0)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(begin, algorithms))
    return algorithms
