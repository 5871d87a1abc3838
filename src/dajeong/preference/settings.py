"""What a recipe may say about making preference pairs. Knows no model and no judge."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dajeong.records import Frozen

Criterion = Literal["harmless", "friendly", "correct", "proper"]


class PairsSettings(Frozen):
    """How replies become rankings, and what is mixed with them."""

    seed: int = 0
    """Draws what stays under the caps and the order of the records."""
    criteria: tuple[Criterion, ...] = Field(("harmless", "friendly", "proper"), min_length=1)
    """What the rule judge's total is made of.

    `proper` is what a prompt deserves: firm and kind on abuse, else friendly, no refusal, the known fact."""
    balance_lengths: bool = True
    """Whether the better reply is the longer one as often as the shorter one, in every kind of prompt.

    Rankings of replies are then taken apart into pairs and the surplus is left out."""
    unfinished: Literal["drop", "keep"] = "drop"
    """What happens to replies that were cut off: shown as an example they would end where nothing ends."""
    max_ranked: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """At most so many records from replies."""
    max_contrasts: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """At most so many given pairs."""
