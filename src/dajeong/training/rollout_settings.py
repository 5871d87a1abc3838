"""Settings of every step that learns from its own replies, and of their guards. No torch here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.models.settings import RuntimeSettings
from dajeong.records import Decoding, Frozen
from dajeong.training.reward_source_settings import RewardsSettings
from dajeong.training.settings import SCALED, OptimizerSettings


class GuardSettings(Frozen):
    """When a policy has gone too far where its reward does not look. Most limits are relative to the first
    rollout, when it still was what it started from.
    """

    action: Literal["off", "warn", "stop"] = "warn"
    """`stop` keeps the last good policy, saves a checkpoint and ends the run with exit code 6; with other
    limits it goes on.
    """
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
    kl: float | None = Field(100.0, gt=0)
    """KL budget: nats that a reply may lie from the reference, on average; null sets no limit."""
    reward: float | None = Field(2.0, gt=0)
    """The score may fall by this: rewards have collapsed; null sets no limit."""
    unended: float | None = Field(0.5, ge=0, le=1)
    """The share of replies that never end may rise by this; null sets no limit."""
    empty: float | None = Field(0.3, ge=0, le=1)
    """The share of replies without a character may rise by this; null sets no limit."""
    deviation: float | None = Field(1e-4, ge=0)
    """Scores of a rollout whose deviation is below this are all the same; null sets no limit."""
    every: int = Field(5, ge=1)
    """Rollouts between two readings of refusals; each draws a greedy reply to all `guard_prompts`."""


class AdaptiveKlSettings(Frozen):
    """A weight of the KL penalty that follows a target (Ziegler et al. 2019, §2.2)."""

    target: float = Field(gt=0)
    """Nats that a whole reply should lie from the reference, on average."""
    gain: float = Field(0.1, gt=0, le=1)
    """How fast the weight follows, per rollout."""
    bound: float = Field(0.2, gt=0)
    """The error counts as at most this, on both sides."""


class RolloutSettings(RewardsSettings):
    """What PPO and its kin have in common: prompts, replies, rewards, mini-batches."""

    updates: int = Field(30, ge=2, json_schema_extra=SCALED)
    """Rollouts; each is followed by `epochs` × `mini_batches` optimizer steps."""
    prompts_per_update: int = Field(64, ge=1)
    """Prompts of one rollout."""
    replies_per_prompt: int = Field(1, ge=1)
    """Replies drawn to each of them."""
    epochs: int = Field(2, ge=1)
    """Passes over one rollout."""
    mini_batches: int = Field(1, ge=1)
    """Optimizer steps in one pass."""
    decoding: Decoding = Decoding(temperature=1.0, max_new_tokens=64)
    """How rollouts are drawn; log-probabilities use the same temperature."""
    normalise: Literal["sft", "running", "none"] = "sft"
    """Rewards lose a mean and are divided by a deviation: those measured on SFT examples, those of all
    rollouts so far, or neither.
    """
    reward_clip: float | None = Field(10.0, gt=0)
    """Normalised rewards are cut to ±this; null cuts nothing."""
    missing_eos_penalty: float = Field(1.0, ge=0)
    """Taken from the reward of a reply that never ended."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-4)
    """AdamW of the policy role."""
    tokens_per_micro_batch: int = Field(8192, ge=16)
    """Token budget of one forward, all roles counted."""
    max_slots: int = Field(64, ge=1)
    """Replies drawn side by side."""
    checkpoint_every: int = Field(10, ge=1)
    """Rollouts between checkpoints."""
    guards: GuardSettings = Field(GuardSettings(), json_schema_extra={"aside": True})
    """What is watched beside the reward. No weight depends on it: a changed limit does not begin anew."""
    parallel: Literal["single", "ddp", "fsdp2", "zero2", "zero3"] = Field(
        "single", json_schema_extra={"aside": True}
    )
    """How several processes share the work. Results change by rounding only."""
    runtime: RuntimeSettings = RuntimeSettings()
    """Device and type of the base."""

    @property
    def steps_per_rollout(self) -> int:
        """Optimizer steps after each rollout."""
        return self.epochs * self.mini_batches

    @model_validator(mode="after")
    def _fills_mini_batches(self) -> Self:
        replies = self.prompts_per_update * self.replies_per_prompt
        if self.mini_batches > replies:
            raise ValueError(
                f"mini_batches {self.mini_batches}: a rollout has only {replies} replies to share"
            )
        return self

    @model_validator(mode="after")
    def _samples(self) -> Self:
        if self.decoding.temperature == 0 or self.decoding.num_beams > 1:
            raise ValueError("rollouts are sampled: temperature must be above 0 and num_beams 1")
        if self.decoding.top_k or self.decoding.top_p < 1 or self.decoding.repetition_penalty != 1:
            raise ValueError(
                "rollouts need the whole distribution: leave top_k 0, top_p 1, repetition_penalty 1"
            )
        return self
