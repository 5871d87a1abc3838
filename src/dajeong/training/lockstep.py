"""Forwards of which one process has more than another, where every forward needs all processes.

Before each forward the processes tell each other who has one. Whoever has none left runs an empty one of the
same kind, until nobody has any. Knows models, no way of sharing and no algorithm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from dajeong.models.layout import Layout, Sequence_, pack
from dajeong.models.roles import RoleModel

KINDS = ("forward", "hidden", "logits")
"""The methods of a RoleModel that read weights."""


class Together(Protocol):
    @property
    def sharded(self) -> bool: ...

    def sum(self, numbers: Tensor) -> Tensor: ...


@contextlib.contextmanager
def lockstep(parallel: Together, *models: RoleModel) -> Iterator[None]:
    """Inside, without gradients, processes may run unequal numbers of forwards of `models`. All leave
    together.
    """
    if not parallel.sharded:
        yield
        return
    pace = _Pace(parallel, models)
    with contextlib.ExitStack() as stack:
        for model in models:
            for kind in KINDS:
                stack.enter_context(_announced(model, kind, pace))
        yield
    pace.keep_up()


class _Pace:
    def __init__(self, parallel: Together, models: Sequence[RoleModel]) -> None:
        self.parallel = parallel
        self.calls = [(model, kind) for model in models for kind in KINDS]

    def tell(self, model: RoleModel | None = None, kind: str = "") -> tuple[RoleModel, str] | None:
        """What is run now, by whoever runs anything. All that run, run the same."""
        mine = [float(model is each and kind == name) for each, name in self.calls]
        counts = self.parallel.sum(torch.tensor(mine)).tolist()
        running = [call for call, count in zip(self.calls, counts, strict=True) if count]
        assert len(running) <= 1, f"processes run different forwards at once: {counts}"
        return running[0] if running else None

    @torch.no_grad()
    def keep_up(self) -> None:
        while (call := self.tell()) is not None:
            _idle(*call)


@contextlib.contextmanager
def _announced(model: RoleModel, kind: str, pace: _Pace) -> Iterator[None]:
    """Inside, `model` tells the others before it runs a forward of this kind."""
    if kind == "forward":  # before any hook that gathers weights
        handle = model.register_forward_pre_hook(lambda *_: _told(pace, model, kind), prepend=True)
        try:
            yield
        finally:
            handle.remove()
        return
    before: Any = vars(model).get(kind)
    run: Callable[..., Any] = getattr(model, kind)

    def told(*inputs: Any, **options: Any) -> Any:
        pace.tell(model, kind)
        return run(*inputs, **options)

    setattr(model, kind, told)
    try:
        yield
    finally:
        delattr(model, kind)
        if before is not None:
            setattr(model, kind, before)


def _told(pace: _Pace, model: RoleModel, kind: str) -> None:
    pace.tell(model, kind)


def _idle(model: RoleModel, kind: str) -> None:
    """The least that reads the same weights."""
    if kind == "forward":
        model(pack([Sequence_([0, 0], None, [False, True])], model.device))
    elif kind == "hidden":
        ids = torch.zeros(1, 1, dtype=torch.long, device=model.device)
        model.hidden(ids, torch.zeros_like(ids), Layout.all(None))
    else:
        width = int(model.config.get_text_config().hidden_size)
        model.logits(torch.zeros(1, width, dtype=model.dtype, device=model.device))
