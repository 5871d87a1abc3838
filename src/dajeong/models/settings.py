"""Settings of adapters, of the tiny model and of where a model runs. Read without torch."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.records import Frozen


class LoraSettings(Frozen):
    rank: int = Field(16, ge=1)
    """Inner width r of every adapter pair."""
    alpha: float = Field(32.0, gt=0)
    """The adapter's output is scaled by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of adapter inputs dropped while SFT learns; reward models and PPO never drop."""
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the linear layers that get an adapter; an unknown name is refused."""
    rslora: bool = False
    """Scale by alpha / √rank instead, so that a larger rank learns as fast (Kalajdzievski 2023, eq. 2)."""

    @property
    def scale(self) -> float:
        """What the adapter's output is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)


class TinySettings(Frozen):
    layers: int = Field(3, ge=1)
    """Transformer blocks."""
    hidden: int = Field(128, ge=8)
    """Width of the residual stream."""
    heads: int = Field(4, ge=1)
    """Attention heads; must divide `hidden`."""
    vocabulary: int = Field(1536, ge=300)
    """Tokens of the character BPE, its 256 byte tokens included."""
    positions: int = Field(2048, ge=64)
    """Longest sequence."""


class RuntimeSettings(Frozen):
    device: str = "auto"
    """`auto` takes CUDA where there is one; else `cpu`, `cuda`, `cuda:1`…"""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the frozen base; `auto` is bfloat16 on CUDA, float32 elsewhere. Adapters stay float32."""
    quantised: Literal["8bit", "4bit"] | None = None
    """Hold the base in 8 or 4 bits (bitsandbytes, extra `quantised`). Adapters stay float32."""
    checkpointing: bool = Field(False, json_schema_extra={"aside": True})
    """Keep only each layer's input for the way back and compute the rest again: less memory, a third more
    time, the same gradients."""
    offload: Literal["base"] | None = Field(None, json_schema_extra={"aside": True})
    """`base` keeps the frozen blocks in main memory; each comes to the card while it works. For cards that do
    not hold the base. Needs `checkpointing`; with `parallel: fsdp2` or `zero3`, its parts lie there."""
    thrifty: bool = False
    """Compute once what the sequences of a forward begin with alike under one role: a template's header, the
    prompt of a preference. Equal within rounding, not bit for bit; roles that drop share nothing."""

    @model_validator(mode="after")
    def _streams_twice(self) -> Self:
        if self.offload and not self.checkpointing:
            raise ValueError(
                "offload: base needs checkpointing: true, or every weight stays on the card for the way back"
            )
        if self.offload and self.quantised:
            raise ValueError("offload: base holds no quantised weights; choose one of the two")
        return self
