"""Settings of the step `ppo`. No torch here: a recipe is read without it."""

from __future__ import annotations

from pydantic import Field

from dajeong.training.rollout_settings import RolloutSettings
from dajeong.training.settings import OptimizerSettings


class PpoSettings(RolloutSettings):
    kl: float = Field(0.05, ge=0)
    """Weight of the per-token KL penalty against the frozen SFT role, inside the reward (k1)."""
    gamma: float = Field(1.0, gt=0, le=1)
    """Discount."""
    lam: float = Field(0.95, ge=0, le=1)
    """λ of generalised advantage estimation."""
    clip: float = Field(0.2, gt=0)
    """Ratio clip ε."""
    value_clip: float = Field(0.2, gt=0)
    """Values may move this far from the rollout's."""
    value: float = Field(0.1, ge=0)
    """Weight of the value loss."""
    value_optimizer: OptimizerSettings | None = None
    """AdamW of the value role; the policy's by default."""
