"""Who says how good a state is: a role of its own beside the policy, a head on the policy, or a role on a
second model. Knows no loss and no credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from dajeong.models.adapters import AdapterNotes
from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.models.roles import RoleModel
from dajeong.training.experience import Experience

VALUE = "value"


@dataclass(frozen=True)
class Critic:
    """Where it starts as the first reward role's answers, it shares that role's normalisation."""

    scale: AdapterNotes
    place: Literal["role", "head", "model"] = "role"
    apart: RoleModel | None = None
    """The second model, where `place` is `model`."""

    @property
    def num_roles(self) -> int:
        """Roles that read a reply in the policy's update."""
        return 2 if self.place == "role" else 1

    def on(self, role: str, part: Sequence[Experience]) -> list[Sequence_]:
        """What `role`, the policy, reads: its replies, and where the head is its own guest, their values."""
        if self.place == "head":
            return [Sequence_(e.ids, role, e.learn, e.value_at, VALUE) for e in part]
        return [Sequence_(e.ids, role, e.learn) for e in part]

    def beside(self, part: Sequence[Experience]) -> list[Sequence_]:
        """What role `value` reads in the policy's forward."""
        return self.alone(part) if self.place == "role" else []

    def alone(self, part: Sequence[Experience]) -> list[Sequence_]:
        """Every reply, valued at the state before each of its tokens."""
        return [Sequence_(e.ids, VALUE, value_at=e.value_at) for e in part]

    def read(self, part: Sequence[Experience], outputs: TokenOutputs) -> Tensor:
        """(Σ T,) values of replies whose forward gave `outputs`."""
        if self.apart is not None:
            outputs = self.apart(pack(self.alone(part), self.apart.device))
        return self.values(outputs)

    def values(self, outputs: TokenOutputs) -> Tensor:
        return self.normal(outputs.values[VALUE])

    def normal(self, values: Tensor) -> Tensor:
        return (values - self.scale.reward_mean) / self.scale.reward_deviation
