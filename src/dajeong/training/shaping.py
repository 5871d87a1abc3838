"""From the raw rewards of a reply to its one score: normalised, clipped, weighted, penalised.

Knows no model; remembers the rewards' statistics where these run along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dajeong.training.experience import Experience
from dajeong.training.rewards import Part, total
from dajeong.training.rollout_settings import RolloutSettings


@dataclass
class Running:
    """Mean and deviation of all numbers so far (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def take(self, numbers: Iterable[float]) -> None:
        for number in numbers:
            self.count += 1
            away = number - self.mean
            self.mean += away / self.count
            self.squares += away * (number - self.mean)

    @property
    def deviation(self) -> float:
        """1 where the numbers do not differ."""
        return (math.sqrt(self.squares / (self.count - 1)) or 1.0) if self.count > 1 else 1.0


class Shaping:
    """What the rewards of a run are worth."""

    def __init__(self, parts: Mapping[str, Part], settings: RolloutSettings) -> None:
        """`parts`: name of a reward → its weight and what is known of it beforehand."""
        self.parts, self.settings = dict(parts), settings
        self.running = {name: Running() for name in self._running_along()}
        if settings.normalise == "none":
            self.parts = {name: part._replace(mean=0.0, deviation=1.0) for name, part in parts.items()}

    def shape(self, buffer: Sequence[Experience]) -> None:
        """Give every reply of a rollout its score."""
        for name, running in self.running.items():
            running.take(e.rewards[name] for e in buffer)
            self.parts[name] = self.parts[name]._replace(mean=running.mean, deviation=running.deviation)
        for e in buffer:
            e.score = self.score(e)

    def score(self, e: Experience) -> float:
        """What the rewards come to, less the penalty of a reply that never ended."""
        bound = self.settings.reward_clip or math.inf
        score = total(e.rewards, self.parts, bound, self.settings.combine)
        return score if e.ended else score - self.settings.missing_eos_penalty

    def state(self) -> dict[str, Any]:
        return {name: asdict(running) for name, running in self.running.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.running = {name: Running(**state[name]) for name in self.running}

    def _running_along(self) -> list[str]:
        """Rules and lengths have units of their own."""
        models = [name for name, part in self.parts.items() if part.is_model]
        return models if self.settings.normalise == "running" else []
