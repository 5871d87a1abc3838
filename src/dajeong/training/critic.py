"""Who says how good a state is: a role of its own on the policy's base, in units of the normalised reward.

Knows no loss and no credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dajeong.models.adapters import AdapterNotes
from dajeong.models.layout import Sequence_, TokenOutputs
from dajeong.training.experience import Experience

VALUE = "value"


@dataclass(frozen=True)
class Critic:
    """Values start as the first reward role's answers, so they share its normalisation."""

    scale: AdapterNotes

    def sequences(self, part: Sequence[Experience]) -> list[Sequence_]:
        """What role `value` reads: every reply, at the state before each of its tokens."""
        return [Sequence_(e.ids, VALUE, value_at=e.value_at) for e in part]

    def values(self, outputs: TokenOutputs) -> Tensor:
        """(Σ T,) of those states."""
        return self.normal(outputs.values[VALUE])

    def normal(self, values: Tensor) -> Tensor:
        return (values - self.scale.reward_mean) / self.scale.reward_deviation
