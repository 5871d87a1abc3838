"""The lowest reading so far: which weights had it, and whether waiting for a lower one still pays.

Knows parameters by name, neither loss nor data. Its copies are part of a checkpoint, so that a resumed run
keeps the same weights and stops at the same update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from dajeong.models.whole import put, whole


class Best:
    """Keeps a copy, on the CPU, of parameters as they were at the lowest reading. They are asked for anew
    each time: sharing them between processes makes others of them.
    """

    def __init__(self, owned: Callable[[], Mapping[str, nn.Parameter]], patience: int | None = None) -> None:
        self.owned, self.patience = owned, patience
        self.loss, self.update, self.waited = math.inf, 0, 0
        self.kept: dict[str, Tensor] = {}

    def read(self, update: int, loss: float) -> None:
        """Take note of one reading; equal is not better."""
        if loss < self.loss:
            self.loss, self.update, self.waited = loss, update, 0
            self.kept = {name: _copy(parameter) for name, parameter in self.owned().items()}
        else:
            self.waited += 1

    @property
    def exhausted(self) -> bool:
        """Whether `patience` readings in a row brought nothing."""
        return self.patience is not None and self.waited >= self.patience

    def put_back(self) -> None:
        """Give the parameters the weights of the lowest reading."""
        parameters = self.owned()
        for name, tensor in self.kept.items():
            put(parameters[name], tensor)

    def values(self) -> dict[str, Any]:
        """All but the weights, as plain JSON."""
        loss = self.loss if self.kept else None
        return {"loss": loss, "update": self.update, "waited": self.waited}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        self.loss = math.inf if values["loss"] is None else values["loss"]
        self.update, self.waited = values["update"], values["waited"]
        self.kept = dict(tensors)


def _copy(parameter: nn.Parameter) -> Tensor:
    return whole(parameter).to("cpu", copy=True)
