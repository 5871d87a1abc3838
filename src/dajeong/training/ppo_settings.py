"""Settings of the step `ppo`. No torch here: a recipe is read without it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.training.rollout_settings import AdaptiveKlSettings, RolloutSettings
from dajeong.training.settings import OptimizerSettings


class PpoSettings(RolloutSettings):
    kl: float = Field(0.05, ge=0)
    """Weight of the per-token KL penalty against the frozen SFT role, inside the reward."""
    kl_estimator: Literal["k1", "k2", "k3"] = "k1"
    """How the divergence at a token is estimated (Schulman 2020); k1 alone has no bias."""
    adaptive_kl: AdaptiveKlSettings | None = None
    """Lets the weight `kl` follow a target; null keeps it."""
    gamma: float = Field(1.0, gt=0, le=1)
    """Discount."""
    lam: float = Field(0.95, ge=0, le=1)
    """λ of generalised advantage estimation."""
    clip: float = Field(0.2, gt=0)
    """Ratio clip ε."""
    dual_clip: float | None = Field(None, gt=1)
    """A token of a bad reply costs at most this many times its advantage (Ye et al. 2020); null: no bound."""
    entropy: float = Field(0.0, ge=0)
    """Weight of the policy's entropy, which is raised."""
    target_kl: float | None = Field(None, gt=0)
    """A rollout's remaining steps are left out once the policy lies this many nats a token from the one that
    drew it; null always makes them all.
    """
    critic: Literal["role", "head", "model"] = "role"
    """Who values states: an adapter beside the policy's, a head on the policy itself, or an adapter on a
    second copy of the base.
    """
    value_clip: float = Field(0.2, gt=0)
    """Values may move this far from the rollout's."""
    value: float = Field(0.1, ge=0)
    """Weight of the value loss."""
    value_optimizer: OptimizerSettings | None = None
    """AdamW of the value role; the policy's by default."""
    value_warmup: float = Field(0.0, ge=0, lt=1)
    """Share of the rollouts, at the start, from which the value role alone learns."""
    ptx_weight: float = Field(1.0, gt=0)
    """Weight of −log p of the examples `ptx` (Ouyang et al. 2022, eq. 2), where they are given."""
    ptx_tokens_per_update: int = Field(1024, ge=16)
    """Token budget of those examples in one optimizer step."""
    ptx_max_tokens: int = Field(2048, ge=8)
    """Longer ones are cut at the end."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay, per optimizer step, of a moving average of the policy, kept beside it in the folder `ema`."""

    @property
    def warmup_rollouts(self) -> int:
        """Rollouts from which the value role alone learns; the last one is the policy's, too."""
        return min(round(self.value_warmup * self.updates), self.updates - 1)

    @model_validator(mode="after")
    def _has_a_weight_to_follow(self) -> Self:
        if self.adaptive_kl and not self.kl:
            raise ValueError("adaptive_kl changes the weight `kl`, which must then be above 0")
        return self

    @model_validator(mode="after")
    def _can_warm_up(self) -> Self:
        if self.value_warmup and not self.value:
            raise ValueError("value_warmup: with `value` 0 the value role learns nothing to begin with")
        return self
