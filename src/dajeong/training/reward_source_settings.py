"""What a recipe may say about where rewards come from: models, rules, lengths. No torch here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.judging.classifier_settings import ClassifierSettings
from dajeong.judging.rules import Criterion
from dajeong.records import Frozen


class LengthSettings(Frozen):
    """A reward of 0 for replies of the wanted length, down to −1 beyond it (DAPO, Yu et al. 2025, eq. 13)."""

    weight: float = Field(gt=0)
    """Weight of this reward."""
    shortest: int = Field(0, ge=0)
    """Tokens of the shortest reply that loses nothing, its end included."""
    longest: int | None = Field(None, ge=1)
    """Tokens of the longest reply that loses nothing; null is no limit."""
    slack: int = Field(16, ge=1)
    """So many tokens too short or too long cost the whole weight; half as many, half of it."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.shortest and self.longest is None:
            raise ValueError("name `shortest`, `longest` or both")
        if self.longest is not None and self.longest < self.shortest:
            raise ValueError("`longest` is below `shortest`")
        return self


class ReaderSettings(ClassifierSettings):
    """How a reward model that does not live on the policy's base is read."""

    level: Literal["text", "tokens"] = "text"
    """Of an adapter on another base: with its own tokenizer and template, or the policy's very tokens."""
    mean: float | None = None
    """What counts as 0; by default what the adapter was measured at, 0 for a classifier."""
    deviation: float | None = Field(None, gt=0)
    """What counts as 1; by default what the adapter was measured at, 1 for a classifier."""


class RewardsSettings(Frozen):
    """Where the reward of a reply comes from; a score is the sum of all of it."""

    rewards: dict[str, float] = {}
    """Reward step, adapter or sequence-classification model (folder or Hub id) → weight of its normalised
    reward.
    """
    combine: Literal["sum", "min"] = "sum"
    """`min`: of several reward models the lowest counts for all of them (Coste et al. 2023)."""
    readers: dict[str, ReaderSettings] = {}
    """Name in `rewards` → how it is read, where it is not an adapter on the policy's base."""
    rules: dict[Criterion, float] = {}
    """Rule → what a reply gains that it holds for."""
    length: LengthSettings | None = None
    """A reward for the length of a reply."""

    @model_validator(mode="after")
    def _names_a_reward(self) -> Self:
        if not (self.rewards or self.rules or self.length):
            raise ValueError("nothing gives a reward: name models in `rewards`, or `rules`, or `length`")
        for name in sorted(self.readers.keys() - self.rewards.keys()):
            raise ValueError(f"`readers` says how to read {name}, which is not in `rewards`")
        return self
