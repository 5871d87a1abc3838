"""A second copy of a role's weights: how they were on average, or when they last were good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from dajeong.models.adapters import save_role
from dajeong.models.base import Base
from dajeong.models.roles import RoleModel
from dajeong.models.whole import put, whole
from dajeong.templates import Template


class RoleCopy:
    """Starts as the weights of today."""

    def __init__(self, model: RoleModel, role: str) -> None:
        self.model, self.role = model, role
        self.tensors = {name: weight.detach().clone() for name, weight in model.parameters_of(role).items()}

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """c ← c + share · (w − c): 1 takes the weights of today, 1 − decay is a moving average."""
        for name, weight in self.model.parameters_of(self.role).items():
            if share == 1:
                self.tensors[name].copy_(whole(weight))
            else:
                self.tensors[name].lerp_(whole(weight).to(self.tensors[name].device), share)

    def state(self, prefix: str) -> dict[str, Tensor]:
        return {f"{prefix}/{name}": tensor for name, tensor in self.tensors.items()}

    def restore(self, prefix: str, tensors: Mapping[str, Tensor]) -> None:
        """Raises KeyError on a name that is not there."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[f"{prefix}/{name}"])

    @torch.no_grad()
    def save(
        self, base: Base, folder: Path, template: Template, card: str | None = None, *, write: bool = True
    ) -> None:
        """Write the copy as an adapter; the role itself is as before. `write`: as for `save_role`."""
        weights = self.model.parameters_of(self.role)
        today = {name: whole(weight).clone() for name, weight in weights.items()}
        try:
            self._put(self.tensors)
            save_role(base, self.role, folder, template, card=card, write=write)
        finally:
            self._put(today)

    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for name, weight in self.model.parameters_of(self.role).items():
            put(weight, tensors[name])
