"""Group-relative policy optimisation (Shao et al. 2024), with Dr. GRPO's and DAPO's changes as settings.

Knows nothing but its advantages; the rest is `group_policy`.
"""

from __future__ import annotations

from torch import Tensor

from dajeong.training.group_advantages import group_relative
from dajeong.training.group_policy import GroupPolicy, train
from dajeong.training.group_settings import GrpoSettings
from dajeong.workplace import Workplace


class Grpo(GroupPolicy):
    """A reply is worth its distance from its group's mean reward."""

    def advantages(self, rewards: Tensor) -> Tensor:
        return group_relative(rewards, self.settings.scale)


def run(settings: GrpoSettings, work: Workplace) -> None:
    """The step `grpo`."""
    train("grpo", Grpo, settings, work)
