"""Settings of the steps that learn from preferences without rollouts: `dpo`, `kto`, `orpo`. No torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from dajeong.models.settings import LoraSettings
from dajeong.training.settings import OptimizerSettings, TrainingSettings


class PreferenceSettings(TrainingSettings):
    """What `dpo`, `kto` and `orpo` share."""

    template: str = "kullm"
    """Prompt template of a policy that starts from a bare base; an adapter or chat model brings its own."""
    lora: LoraSettings | None = LoraSettings()
    """Adapter of a policy that starts from a whole model; `null` trains its weights. One that starts from an
    adapter keeps that adapter's shape. Nothing drops."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=5e-5)
    """AdamW of the policy role."""
    validate_every: float = Field(0.25, gt=0, le=1)
    """Share of the run between two readings of the validation set."""
    collapse: float | None = Field(1.0, gt=0)
    """Nats a token by which preferred answers may become less likely before the run warns; null never warns.
    """


class ReferenceSettings(PreferenceSettings):
    """What `dpo` and `kto` share: a reference."""

    beta: float = Field(0.1, gt=0)
    """β, the weight of the divergence from the reference; τ of IPO."""
    sft_coefficient: float = Field(0.0, ge=0)
    """Weight of −log p of the preferred answers' tokens (the extra term of RPO, Pang et al. 2024)."""
    reference_logprobs: Literal["forward", "cached"] = "forward"
    """`forward` reads the reference in the policy's own forward, so that the first update starts exactly
    equal; `cached` reads every answer once, before the run, and keeps the sums: less time and memory."""
    other_reference: bool = False
    """Allow a `reference` that is not what the policy starts from."""


class DpoSettings(ReferenceSettings):
    loss: Literal["dpo", "ipo", "simpo"] = "dpo"
    """`dpo`: Rafailov et al. 2023. `ipo`: Azar et al. 2023. `simpo`: Meng et al. 2024, without reference."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Share of labels taken to be the wrong way round (conservative DPO, Mitchell 2023)."""
    mean_logprobs: bool = False
    """Means over an answer's tokens instead of sums, so that its length has no weight. `simpo` always does.
    """
    margin: float = Field(0.0, ge=0)
    """γ, by which the better reward must lead (SimPO's target margin)."""

    @model_validator(mode="after")
    def _used(self) -> DpoSettings:
        if self.loss == "ipo" and (self.label_smoothing or self.margin):
            raise ValueError("loss ipo has neither label_smoothing nor margin")
        if self.loss == "simpo" and self.reference_logprobs == "cached":
            raise ValueError("loss simpo has no reference: leave out reference_logprobs")
        return self


class KtoSettings(ReferenceSettings):
    desirable_weight: float = Field(1.0, ge=0)
    """λ_D, weight of the desirable replies. With n_D and n_U replies of each kind the paper advises
    1 ≤ λ_D n_D / (λ_U n_U) ≤ 4/3."""
    undesirable_weight: float = Field(1.0, ge=0)
    """λ_U, weight of the undesirable replies."""

    @model_validator(mode="after")
    def _weighs_something(self) -> KtoSettings:
        if not self.desirable_weight + self.undesirable_weight:
            raise ValueError("desirable_weight and undesirable_weight are both 0: nothing would be learned")
        return self


class OrpoSettings(PreferenceSettings):
    odds_ratio: float = Field(0.1, ge=0)
    """λ, weight of the odds ratio beside −log p of the preferred answers."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-4)
    """AdamW of the policy role; ORPO also is the fine-tuning, so it may learn faster than DPO."""
