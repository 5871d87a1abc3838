"""Settings of the step that writes replies. No torch here: a recipe is read without it."""

from __future__ import annotations

from pydantic import Field

from dajeong.records import Decoding, Frozen


class RepliesSettings(Frozen):
    per_prompt: int = Field(4, ge=1)
    """Replies that each model writes to each prompt."""
    decoding: Decoding = Decoding()
    """How they are drawn; the default samples at temperature 1 from the whole vocabulary."""
    max_prompts: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first this many prompts are answered; null answers all."""
    max_slots: int = Field(64, ge=1)
    """Replies written side by side: more is faster and takes more memory."""
    save_every: int = Field(256, ge=1)
    """Replies after which the work so far is put on the disk; a killed step goes on from there."""
