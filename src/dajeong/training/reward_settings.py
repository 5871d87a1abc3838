"""What a recipe may say about the labels of a reward model and about its gate. No torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dajeong.records import Frozen


class LabelSettings(Frozen):
    """What the loss makes of a ranking."""

    ties: Literal["drop", "soft"] = "drop"
    """Responses of equal rank: no pair, or a pair of label ½, which draws their rewards together."""
    margin: float = Field(0.0, ge=0)
    """How far apart a pair's rewards should be at least, inside the sigmoid (Llama 2, Touvron et al. 2023,
    eq. 2).
    """
    score_margin: float = Field(0.0, ge=0)
    """That much more for every point between the two responses' `scores`, summed over criteria both have."""
    annotators: dict[str, Annotated[float, Field(ge=0)]] = {}
    """`labelled_by`, or what stands before its colon → factor on the weight of those preferences; 0 leaves
    them out.
    """


class RewardGateSettings(Frozen):
    """What a trained reward model must not be, read on the validation preferences, else on its own."""

    action: Literal["off", "warn", "stop"] = "warn"
    """`stop` saves no model and ends the run with exit code 6."""
    min_spread: float = Field(1e-3, ge=0)
    """Mean distance between the rewards of one prompt's responses; below, they are constant."""
    max_length_agreement: float = Field(0.98, ge=0.5, le=1)
    """Share of pairs of unequal length that lengths order in the same way, or in the other; above, length is
    all it reads.
    """
    min_pairs: int = Field(30, ge=1)
    """Fewer pairs of unequal length say nothing of that."""
    prompts: int = Field(256, ge=1)
    """Preferences that are read for it, at most."""
