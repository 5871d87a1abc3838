"""Settings of every training step. No torch here: a recipe is read without it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.records import Decoding, Frozen

SCALED: dict[str, Any] = {"scaled": True}
"""Marks a field that the recipe's `scale` multiplies: epochs, updates and row caps, nothing else."""


class OptimizerSettings(Frozen):
    learning_rate: float = Field(gt=0)
    """Peak rate of AdamW."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of all updates in which the rate rises from 0; a ratio, so that no run is all warm-up."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Shape of the fall after the warm-up."""
    final_ratio: float = Field(0.1, ge=0, le=1)
    """Rate at the end, as a share of the peak."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients of a role are clipped to this norm."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's decay of its two moments."""
    epsilon: float = Field(1e-5, gt=0)
    """AdamW's ε; 1e-5 keeps the first steps of small-gradient runs tame (N+ implementation details of RLHF).
    """


class TrainingSettings(Frozen):
    """What every training step has."""

    epochs: float = Field(1.0, gt=0, json_schema_extra=SCALED)
    """Passes over the data; `updates`, when given, wins."""
    updates: int | None = Field(None, ge=2, json_schema_extra=SCALED)
    """Optimizer steps."""
    tokens_per_update: int = Field(4096, ge=16)
    """Token budget of one optimizer step, all micro-batches and processes together."""
    tokens_per_micro_batch: int = Field(4096, ge=16)
    """Token budget of one forward."""
    max_tokens: int = Field(2048, ge=8)
    """Longer examples are cut at the end, counted, and get no faked EOS."""
    checkpoint_every: int = Field(200, ge=1)
    """Updates between checkpoints; two are kept."""
    parallel: Literal["single", "ddp"] = "single"
    """How several processes share the work."""
    runtime: RuntimeSettings = RuntimeSettings()
    """Device and type of the base."""


class BaseSettings(TrainingSettings):
    model: str = "tiny"
    """`tiny` is trained here on `text`; anything else is a path or a Hub id and nothing is trained."""
    revision: str | None = None
    """Commit of a Hub model."""
    template: str = "kullm"
    """Template of the later steps: its words become tokens of `tiny`."""
    tiny: TinySettings = TinySettings()
    """Shape of the tiny model."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=4e-3)
    """AdamW of the pretraining."""
    tokens_per_update: int = Field(384, ge=16)
    tokens_per_micro_batch: int = Field(4096, ge=16)


class SftSettings(TrainingSettings):
    template: str = "kullm"
    """Prompt template, by name; it is saved with the adapter."""
    lora: LoraSettings | None = LoraSettings()
    """Adapter; `null` trains every weight of the base."""
    learn_prompts: bool = False
    """Also learn the prompt's tokens (KULLM's train_on_inputs)."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=3e-4)
    """AdamW of the adapter."""
    validate_every: float = Field(0.25, gt=0, le=1)
    """Share of the run between two readings of the validation loss."""


class RewardSettings(TrainingSettings):
    lora: LoraSettings | None = None
    """Adapter; by default a copy of the SFT adapter is trained on."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-4)
    """AdamW of adapter and head."""
    centring: float = Field(0.0, ge=0)
    """Weight of (r₁ + r₂)², which keeps rewards near 0 (Eisenstein et al. 2023)."""
    normalise_rows: int = Field(512, ge=2)
    """SFT examples on which reward mean and deviation are measured."""


class GuardSettings(Frozen):
    """When PPO has gone too far where its reward does not look. Limits are relative to the first rollout."""

    action: Literal["off", "warn", "stop"] = "warn"
    """`stop` saves a checkpoint, ends the run with exit code 6; with other limits it goes on."""
    patience: int = Field(2, ge=1)
    """Readings in a row that must be past a limit."""
    repetition: float | None = Field(0.2, ge=0, le=1)
    """The share of a reply that it had said before may rise by this; null sets no limit."""
    distinct: float | None = Field(0.5, ge=0, le=1)
    """Different pairs of words may fall to this share of the first rollout's; null sets no limit."""
    length: float | None = Field(2.5, gt=1)
    """Replies may become this many times as long, or as short; null sets no limit."""
    false_refusal: float | None = Field(0.1, ge=0, le=1)
    """Refusals of the harmless among `guard_prompts` may rise by this; null sets no limit."""
    every: int = Field(5, ge=1)
    """Rollouts between two readings of refusals; each draws a greedy reply to all `guard_prompts`."""


class PpoSettings(Frozen):
    rewards: dict[str, float] = Field(min_length=1)
    """Reward step → weight of its normalised reward."""
    updates: int = Field(30, ge=2, json_schema_extra=SCALED)
    """Rollouts; each is followed by `epochs` × `mini_batches` optimizer steps."""
    prompts_per_update: int = Field(64, ge=1)
    """Prompts of one rollout."""
    epochs: int = Field(2, ge=1)
    """Passes over one rollout."""
    mini_batches: int = Field(1, ge=1)
    """Optimizer steps in one pass."""
    decoding: Decoding = Decoding(temperature=1.0, max_new_tokens=64)
    """How rollouts are drawn; log-probabilities use the same temperature."""
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
    reward_clip: float = Field(10.0, gt=0)
    """Normalised rewards are cut to ±this."""
    missing_eos_penalty: float = Field(1.0, ge=0)
    """Taken from the reward of a reply that never ended."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-4)
    """AdamW of the policy role."""
    value_optimizer: OptimizerSettings | None = None
    """AdamW of the value role; the policy's by default."""
    tokens_per_micro_batch: int = Field(8192, ge=16)
    """Token budget of one forward, all roles counted."""
    max_slots: int = Field(64, ge=1)
    """Replies drawn side by side."""
    checkpoint_every: int = Field(10, ge=1)
    """Rollouts between checkpoints."""
    guards: GuardSettings = Field(GuardSettings(), json_schema_extra={"aside": True})
    """What is watched beside the reward. No weight depends on it: a changed limit does not begin anew."""
    parallel: Literal["single", "ddp"] = "single"
    """How several processes share the work."""
    runtime: RuntimeSettings = RuntimeSettings()
    """Device and type of the base."""

    @model_validator(mode="after")
    def _samples(self) -> PpoSettings:
        if self.decoding.temperature == 0 or self.decoding.num_beams > 1:
            raise ValueError("PPO samples its rollouts: temperature must be above 0 and num_beams 1")
        if self.decoding.top_k or self.decoding.top_p < 1 or self.decoding.repetition_penalty != 1:
            raise ValueError("PPO needs the whole distribution: leave top_k 0, top_p 1, repetition_penalty 1")
        return self
