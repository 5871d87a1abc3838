"""What a recipe may say about making preference pairs. Knows no model and no judge."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

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


class RankSettings(Frozen):
    """How judged replies become rankings; VAIV's rule is `floor: 20` and nothing else."""

    criteria: tuple[str, ...] = ()
    """What the sum is made of; none named is all that was judged. A reply that misses one is left out."""
    floor: float | None = None
    """A prompt is left out where every reply's sum is below: the better of two poor ones is no example."""
    margin: float = Field(0.0, ge=0)
    """Replies whose sums lie so close tie, 0 ties equal sums only; where all replies tie, none is taken."""
    soft_ties: float = Field(0.0, ge=0)
    """Sums that lie closer than this nearly tie: the preference weighs as much less as its best and worst lie
    closer; 0 weighs all alike."""
    authors: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """In place of scores: kind of prompt → authors, best first; the empty kind stands for all others. Every
    reply of an author then beats every one of a later author, unread: a reward model may learn the author."""
    weights: Literal["equal", "gap"] = "equal"
    """How much a preference counts: all alike, or as far as the sums of its best and worst lie apart."""
    pairs: bool = False
    """Whether rankings of more than two replies are taken apart into pairs."""
    unfinished: Literal["drop", "keep"] = "drop"
    """What happens to replies that were cut off: shown as an example they would end where nothing ends."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.authors and {"criteria", "floor", "margin", "soft_ties", "weights"} & self.model_fields_set:
            raise ValueError(
                "authors rank without scores: leave out criteria, floor, margin, soft_ties and weights"
            )
        if self.soft_ties and self.weights == "gap":
            raise ValueError("soft_ties and weights: gap both weigh by distance: give one of them")
        for kind, order in self.authors.items():
            if len(order) < 2 or len(set(order)) < len(order):
                raise ValueError(f"authors of {kind or 'all other kinds'}: two names or more, each once")
        return self
