"""Lockstep: whoever has fewer forwards runs empty ones, of the same kinds in the same order.

Threads stand for processes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import WORDS, fresh_base
from torch import Tensor

from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from dajeong.training.lockstep import KINDS, lockstep


class Seat:
    """One of the threads that sum together; who is left alone learns of it."""

    def __init__(self, rank: int, table: list[Tensor], barrier: threading.Barrier, sharded: bool) -> None:
        self.rank, self.table, self.barrier, self.sharded = rank, table, barrier, sharded

    def sum(self, numbers: Tensor) -> Tensor:
        self.table[self.rank] = numbers
        self.barrier.wait(60)
        total = torch.stack(self.table).sum(0)
        self.barrier.wait(60)
        return total


def watched(model: RoleModel) -> list[str]:
    """Grows by the kinds of forwards that read weights, as they come."""
    seen: list[str] = []
    model.register_forward_pre_hook(lambda *_: seen.append("forward"))

    def noted(kind: str) -> Callable[..., Any]:
        run = getattr(model, kind)
        return lambda *given, **named: (seen.append(kind), run(*given, **named))[1]

    for kind in KINDS[1:]:
        setattr(model, kind, noted(kind))
    return seen


def together(models: Path, work: Callable[[RoleModel, int], object], sharded: bool = True) -> list[list[str]]:
    """What the models of two threads ran while each did its own work."""
    table, barrier = [torch.zeros(0)] * 2, threading.Barrier(2)

    def one(rank: int) -> list[str]:
        model = fresh_base(models).model
        seen = watched(model)
        attributes = dict(vars(model))
        with torch.no_grad(), lockstep(Seat(rank, table, barrier, sharded), model):
            work(model, rank)
        assert vars(model) == attributes, "nothing is left behind"
        return seen

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(one, range(2)))


def forwards(model: RoleModel, rank: int) -> None:
    for _ in range([3, 0][rank]):
        model(pack([Sequence_(list(WORDS)[:5], None, [True] * 5)]))


def replies(model: RoleModel, rank: int) -> None:
    """Of unlike number and length."""
    engine, most = NativeEngine(model, max_slots=1, fused=False), [3, 9][rank]
    decoding = Decoding(temperature=1.0, max_new_tokens=most)
    prompts = [tuple(WORDS)[:4], tuple(WORDS)[4:9]][: 2 - rank]
    engine.generate([Request(ids, 5, decoding, None, frozenset()) for ids in prompts])


@pytest.mark.parametrize("work", [forwards, replies])
def test_all_run_the_same_forwards(models: Path, work: Callable[[RoleModel, int], object]) -> None:
    one, other = together(models, work)
    assert one == other and len(one) >= 3
    apart = together(models, work, sharded=False)
    assert Counter(apart[0]) != Counter(apart[1]), "left to themselves they would not"


def test_different_forwards_at_once_are_our_bug(models: Path) -> None:
    def unlike(model: RoleModel, rank: int) -> None:
        if rank:
            forwards(model, 0)
        else:
            replies(model, 0)

    with pytest.raises(AssertionError, match="different forwards"):
        together(models, unlike)
