"""What a recipe may say about updates whose gradients leap. No torch here."""

from __future__ import annotations

from pydantic import Field

from dajeong.records import Frozen


class SpikeSettings(Frozen):
    sigmas: float = Field(6.0, gt=0)
    """An update whose gradient norm lies this many standard deviations above the recent mean is left out."""
    window: int = Field(128, ge=4)
    """How many norms are recent; below half as many, only a norm that is not finite counts."""
    most: int = Field(3, ge=0)
    """One more update left out than this ends the run with exit code 6."""
