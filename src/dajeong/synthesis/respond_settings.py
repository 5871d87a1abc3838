"""What a recipe may say about replies by several authors. Knows no HTTP and no model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from dajeong.records import Decoding, Frozen
from dajeong.remote.settings import ServiceSettings
from dajeong.rollout.settings import RepliesSettings
from dajeong.synthesis.respond_presets import PRESETS, SETS

ReplyCheck = Literal["cut", "broken", "language", "echo", "thoughts", "refusal"]


class ServiceAuthor(Frozen):
    """A model service that answers."""

    service: ServiceSettings
    """Which one, and what it costs."""
    preset: str = "plain"
    """What it is told first: a name of `synthesis/respond_presets.py`; `vaiv` goes by the kind of prompt."""
    decoding: Decoding | None = None
    """How it draws; null: as the step says, at the preset's temperature where it has one."""
    licence: str = ""
    """Licence of what the service writes, as its terms say; empty is unstated, and export refuses that."""
    send_seed: bool = True
    """Whether each request carries its seed; some services refuse it, and few promise anything for it."""

    @field_validator("preset")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {**PRESETS, **SETS}:
            raise ValueError(f"a preset: {', '.join([*PRESETS, *SETS])}")
        return value


class RespondSettings(RepliesSettings):
    """Several authors answer the same prompts."""

    services: dict[str, ServiceAuthor] = Field(default_factory=dict)
    """Name of the author in every reply → a model service. Local models are named by `models`."""
    decoding: Decoding = Decoding(max_new_tokens=512)
    """How replies are drawn, where an author does not say otherwise."""
    drop: tuple[ReplyCheck, ...] = ("cut", "broken", "language", "echo", "thoughts")
    """Faults that drop a reply, whoever wrote it; the others are only counted. Empty replies always go."""
    max_rejected: float = Field(0.5, ge=0, le=1)
    """Share of replies that may be rejected before the step stops."""
