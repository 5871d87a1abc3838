"""How many tokens one forward may hold: as asked for, measured on the card, or halved where it did not fit.

An update is the same sum however it is cut into forwards, so nothing here decides what is learned. Knows no
algorithm beyond its settings.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch

from dajeong.errors import EnvironmentProblem
from dajeong.models.fitness import positions_of
from dajeong.models.layout import Role, Sequence_, pack
from dajeong.models.roles import BASE, RoleModel
from dajeong.records import Frozen
from dajeong.training.parallel import Parallel
from dajeong.training.settings import AUTO

S = TypeVar("S", bound=Frozen)

SMALLEST = 16
ON_CPU = 4096
"""Larger forwards gain nothing there."""
LARGEST = 65536
"""Matrix products are at their rate from about 8,000 tokens on (reference figures of an H100)."""
PROBES = (512, 2048)
"""Tokens of the two forwards whose difference is the slope."""
LEFT_FREE = 0.15
"""Share of the free memory that stays free: fragments, the optimizer's state, longer logits."""


class Meter(Protocol):
    """What a budget is measured with."""

    def free(self) -> int:
        """Bytes that could still be taken."""

    def peak(self, work: Callable[[], None]) -> int:
        """Bytes that `work` needs above what is held before it."""


class CudaMeter:
    """Of one CUDA device, the memory held by torch's allocator but unused counted as free."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def free(self) -> int:
        unused = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(torch.cuda.mem_get_info(self.device)[0]) + unused

    def peak(self, work: Callable[[], None]) -> int:
        torch.cuda.synchronize(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        work()
        torch.cuda.synchronize(self.device)
        return int(torch.cuda.max_memory_allocated(self.device)) - before


def settle(algorithm: Any, parallel: Parallel) -> None:
    """Give `algorithm` a number where its budget was `auto`."""
    if getattr(getattr(algorithm, "settings", None), "tokens_per_micro_batch", None) == AUTO:
        algorithm.settings = settled(algorithm.settings, algorithm.models["main"], parallel)


def settled(settings: S, model: RoleModel, parallel: Parallel) -> S:
    """The settings with a number in place of `auto`: the smallest that any process measured."""
    if settings.tokens_per_micro_batch != AUTO:  # type: ignore[attr-defined]
        return settings
    mine = measured(model, CudaMeter(model.device)) if model.device.type == "cuda" else ON_CPU
    return settings.model_copy(update={"tokens_per_micro_batch": min(parallel.gather([mine]))})


def measured(model: RoleModel, meter: Meter) -> int:
    """Tokens of a forward and backward that fit: what is free, over the bytes that one more token takes."""
    small, large = (meter.peak(lambda size=size: _rehearse(model, size)) for size in PROBES)  # type: ignore[misc]
    per_token = max(1.0, (large - small) / (PROBES[1] - PROBES[0]))
    fixed = max(0.0, small - per_token * PROBES[0])
    room = (1 - LEFT_FREE) * meter.free() - fixed
    return max(SMALLEST, min(LARGEST, int(room / per_token)))


def _rehearse(model: RoleModel, num_tokens: int) -> None:
    """A forward and backward of so many tokens, shared by all roles that learn; leaves no gradient behind."""
    roles: list[Role] = [*sorted(model.trainable - {BASE})] or [None]
    longest = min(positions_of(model.config) or num_tokens, num_tokens // len(roles))
    each = max(1, num_tokens // len(roles) // longest)
    sequences = [_made_up(model, role, longest) for role in roles for _ in range(each)]
    with torch.enable_grad():
        outputs = model(pack(sequences, model.device))
        total = outputs.logprobs.sum() + sum(values.sum() for values in outputs.values.values())
        total.backward()
    model.zero_grad(set_to_none=True)


def _made_up(model: RoleModel, role: Role, length: int) -> Sequence_:
    scored = role is not None and role in model.heads
    return Sequence_([0] * length, role, [not scored] * length, [length - 1] if scored else ())


def narrow(algorithm: Any, forward: tuple[int, ...], parallel: Parallel, step: str) -> int:
    """Halve the budget of `algorithm` after a forward of sequences of these lengths did not fit; returns it.

    Raises EnvironmentProblem where no smaller forward would help, or where other processes wait for this one.
    """
    settings = getattr(algorithm, "settings", None)
    budget = getattr(settings, "tokens_per_micro_batch", 0)
    half = min(budget, sum(forward) or budget) // 2
    if settings is None or len(forward) == 1 or half < SMALLEST or parallel.world > 1:
        raise EnvironmentProblem(
            "memory-forward", step=step, tokens=sum(forward), longest=max(forward, default=0), budget=budget
        )
    algorithm.settings = settings.model_copy(update={"tokens_per_micro_batch": half})
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return half
