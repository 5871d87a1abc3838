"""Loops that are disturbed on purpose, and what a role answers: shared by the tests of the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dajeong.models.layout import Layout
from dajeong.models.roles import RoleModel
from dajeong.training.algorithm import Algorithm, Batch, Entry, StepReport
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.workplace import Workplace


def loop_of(algorithm: Algorithm, folder: Path, every: int = 100) -> Loop:
    return Loop(algorithm, Workplace(run=folder, name="step", seed=3), Single(), every, {})


def snapshot(loop: Loop) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in loop.optimizer.tensors().items()}


def when_done(algorithm: Algorithm, update: int, act: Callable[[], object]) -> Algorithm:
    """The same algorithm, which does something else too once `update` is behind it."""
    after = algorithm.after

    def also(report: StepReport) -> list[Entry]:
        if report.update == update:
            act()
        return after(report)

    algorithm.after = also  # type: ignore[method-assign]
    return algorithm


def spoiled(algorithm: Algorithm, at: int, spoil: Callable[[Tensor], Tensor]) -> Algorithm:
    """The same algorithm, whose losses in update `at` (from 1, in this process) are not as they should be."""
    loss, after, done = algorithm.loss, algorithm.after, 0

    def bad(outputs: Any, batch: Batch) -> Mapping[str, Tensor]:
        terms = dict(loss(outputs, batch))
        if done == at - 1:
            first = next(name for name in terms if algorithm.coefficients[name])
            terms[first] = spoil(terms[first])
        return terms

    def counted(report: StepReport) -> list[Entry]:
        nonlocal done
        done += 1
        return after(report)

    algorithm.loss, algorithm.after = bad, counted  # type: ignore[method-assign]
    return algorithm


def nan_loss(term: Tensor) -> Tensor:
    return term * math.nan


def infinite_loss(term: Tensor) -> Tensor:
    return term + math.inf


def nan_gradient(term: Tensor) -> Tensor:
    """The same value, whose slope is not a number."""
    return term + (term - term.detach()).abs().sqrt()


def hidden_of(model: RoleModel, role: str | None) -> Tensor:
    """What a role makes of some tokens: equal roles on equal bases answer equally."""
    ids = torch.arange(8, 24)[None]
    with torch.no_grad(), model.measuring():
        return model.hidden(ids, torch.arange(ids.shape[1])[None], Layout.all(role)).clone()
