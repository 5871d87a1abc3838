"""Settings of every training step. No torch here: a recipe is read without it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.records import Frozen
from dajeong.training.reward_settings import LabelSettings, RewardGateSettings
from dajeong.training.spike_settings import SpikeSettings

SCALED: dict[str, Any] = {"scaled": True}
"""Marks a field that the recipe's `scale` multiplies: epochs, updates and row caps, nothing else."""


AUTO = 0
"""A token budget that is to be measured; written `auto`."""


def _auto(value: object) -> object:
    if value == AUTO:
        raise ValueError("expected auto or a number of tokens from 16 on")
    return AUTO if value == "auto" else value


def _not_too_small(value: int) -> int:
    if AUTO < value < 16:
        raise ValueError("expected auto or a number of tokens from 16 on")
    return value


TokenBudget = Annotated[
    int,
    BeforeValidator(_auto),
    Field(ge=AUTO),
    AfterValidator(_not_too_small),
    PlainSerializer(lambda value: value or "auto", when_used="json"),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 16}]}),
]
"""How many tokens one forward may hold."""


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
    spikes: SpikeSettings | None = None
    """Updates whose gradient leaps are left out and told; by default every update is made, and one that is
    not finite ends the run."""


class TrainingSettings(Frozen):
    """What every training step has."""

    epochs: float = Field(1.0, gt=0, json_schema_extra=SCALED)
    """Passes over the data; `updates`, when given, wins."""
    updates: int | None = Field(None, ge=2, json_schema_extra=SCALED)
    """Optimizer steps."""
    tokens_per_update: int = Field(4096, ge=16)
    """Token budget of one optimizer step, all micro-batches and processes together."""
    tokens_per_micro_batch: TokenBudget = 4096
    """Token budget of one forward; `auto` measures what fits the card. Results change by rounding only."""
    max_tokens: int = Field(2048, ge=8)
    """Longer examples are cut at the end, counted, and get no faked EOS."""
    checkpoint_every: int = Field(200, ge=1)
    """Updates between checkpoints; two are kept."""
    parallel: Literal["single", "ddp", "fsdp2", "zero2", "zero3"] = Field(
        "single", json_schema_extra={"aside": True}
    )
    """How several processes share the work. Results change by rounding only."""
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


class SftSettings(TrainingSettings):
    template: str = "kullm"
    """Prompt template, by name; it is saved with the adapter."""
    lora: LoraSettings | None = LoraSettings()
    """Adapter; `null` trains every weight of the base."""
    learn_prompts: bool = False
    """Also learn the prompt's tokens (KULLM's train_on_inputs)."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=3e-4)
    """AdamW of the adapter."""
    examples_per_update: int | None = Field(None, ge=1)
    """Examples of one optimizer step, instead of `tokens_per_update`."""
    validate_every: float = Field(0.25, gt=0, le=1)
    """Share of the run between two readings of the validation loss; it is read after every epoch, too."""
    patience: int | None = Field(None, ge=1)
    """Stop after this many readings in a row without a new lowest; null runs to the end."""
    keep: Literal["last", "best"] | None = None
    """Which weights become the model: the last, or those of the lowest reading; null is `best` with
    `patience`, else `last`."""


class RewardSettings(TrainingSettings):
    lora: LoraSettings | None = None
    """Adapter; by default a copy of the SFT adapter is trained on."""
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-4)
    """AdamW of adapter and head."""
    centring: float = Field(0.0, ge=0)
    """Weight of (r₁ + r₂)², which keeps rewards near 0 (Eisenstein et al. 2023)."""
    normalise_rows: int = Field(512, ge=2)
    """SFT examples on which reward mean and deviation are measured."""
    template: str | None = None
    """Template on a bare base, by default what it brings; an adapter brings its own."""
    labels: LabelSettings = LabelSettings()
    """Ties, margins, annotators."""
    validate_every: float = Field(0.25, gt=0, le=1)
    """Share of the run between two readings of loss and accuracy on the `validation` preferences."""
    keep: Literal["last", "best"] = "last"
    """Which weights become the model: the last, or those of the lowest validation loss."""
    gate: RewardGateSettings = Field(RewardGateSettings(), json_schema_extra={"aside": True})
    """What the trained model must not be. No weight depends on it."""
