"""From the raw rewards of a reply to its one score: normalised, clipped, weighted, penalised. Knows no model."""

from __future__ import annotations

from collections.abc import Mapping

from dajeong.models.adapters import AdapterNotes
from dajeong.training.experience import Experience
from dajeong.training.rewards import Part, total
from dajeong.training.rollout_settings import RolloutSettings


class Shaping:
    """What the rewards of a run are worth."""

    def __init__(self, rewards: Mapping[str, AdapterNotes], settings: RolloutSettings) -> None:
        """`rewards`: what is known of each reward role, in the order of the settings' weights."""
        self.settings = settings
        self.parts = {
            role: Part(weight, notes.reward_mean, notes.reward_deviation)
            for (role, notes), weight in zip(rewards.items(), settings.rewards.values(), strict=True)
        }

    def score(self, e: Experience) -> float:
        """What the rewards come to, less the penalty of a reply that never ended."""
        score = total(e.rewards, self.parts, self.settings.reward_clip)
        return score if e.ended else score - self.settings.missing_eos_penalty
