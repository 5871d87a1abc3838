"""REINFORCE with the mean of the other replies as baseline: RLOO (Ahmadian et al. 2024).

Knows nothing but its advantages; the rest is `group_policy`.
"""

from __future__ import annotations

from torch import Tensor

from dajeong.training.group_advantages import leave_one_out
from dajeong.training.group_policy import GroupPolicy, train
from dajeong.training.group_settings import RlooSettings
from dajeong.workplace import Workplace


class Rloo(GroupPolicy):
    """A reply is worth its distance from the mean reward of the others."""

    def advantages(self, rewards: Tensor) -> Tensor:
        return leave_one_out(rewards, self.settings.scale)


def run(settings: RlooSettings, work: Workplace) -> None:
    """The step `rloo`."""
    train("rloo", Rloo, settings, work)
