"""Which updates are left out because their gradient leaps: the rule, and what it remembers. Pure numbers.

The rule is that of OLMo-core's SkipStepOptimizer: more than `sigmas` standard deviations above the mean of
the last `window` norms. A norm that is not finite is always a leap. What is left out is not remembered.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from dajeong.training.spike_settings import SpikeSettings


class Spike(NamedTuple):
    """A role whose gradient leaps."""

    role: str
    norm: float
    limit: float


class Spikes:
    """The recent norms of every role that has `SpikeSettings`, and how many updates were left out."""

    def __init__(self, settings: Mapping[str, SpikeSettings]) -> None:
        self.settings = settings
        self.history: dict[str, list[float]] = {role: [] for role in settings}
        self.num_left_out = 0

    @property
    def most(self) -> int:
        """Updates that may be left out: the strictest role's."""
        return min((each.most for each in self.settings.values()), default=0)

    def judge(self, norms: Mapping[str, float]) -> Spike | None:
        """The first role whose norm is a leap; where none is, the norms become part of the history."""
        for role in self.settings:
            limit = self.limit(role)
            if not norms[role] <= limit or not math.isfinite(norms[role]):
                self.num_left_out += 1
                return Spike(role, norms[role], limit)
        for role, settings in self.settings.items():
            self.history[role] = [*self.history[role], norms[role]][-settings.window :]
        return None

    def limit(self, role: str) -> float:
        """Infinite until half the window is known."""
        recent, settings = self.history[role], self.settings[role]
        if len(recent) < settings.window // 2:
            return math.inf
        return statistics.fmean(recent) + settings.sigmas * statistics.stdev(recent)

    def state(self) -> dict[str, Any]:
        return {"history": self.history, "left_out": self.num_left_out}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.history = {role: list(state["history"].get(role, [])) for role in self.settings}
        self.num_left_out = state["left_out"]
