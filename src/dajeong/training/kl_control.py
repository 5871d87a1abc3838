"""How dear divergence is: a fixed weight, or one that follows a target. Pure numbers."""

from __future__ import annotations

from dajeong.training.rollout_settings import AdaptiveKlSettings


class KlControl:
    """The weight β of the divergence inside the reward."""

    def __init__(self, weight: float, settings: AdaptiveKlSettings | None = None) -> None:
        self.weight, self.settings = weight, settings

    def follow(self, kl: float) -> None:
        """`kl`: mean over replies of Σ (log π − log π_ref), of the whole reply.

        β ← β · (1 + gain · clip(kl / target − 1, ±bound)): Ziegler et al. 2019, §2.2, K_β = 0.1, ±0.2.
        """
        if self.settings is None:
            return
        bound = self.settings.bound
        error = max(-bound, min(bound, kl / self.settings.target - 1))
        self.weight *= 1 + self.settings.gain * error
