"""Settings of the steps `grpo` and `rloo`. No torch here: a recipe is read without it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.training.rollout_settings import RolloutSettings


class GroupSettings(RolloutSettings):
    """What learning from several replies to a prompt takes; there is no value role."""

    replies_per_prompt: int = Field(8, ge=1)
    """Replies of a group: drawn to one prompt and judged beside each other; at least 2."""
    epochs: int = Field(1, ge=1)
    """Passes over one rollout."""
    kl: float = Field(0.04, ge=0)
    """Weight of the divergence from the frozen SFT role."""
    kl_in: Literal["loss", "reward"] = "loss"
    """`loss`: k3 of every token is learned from; `reward`: the reply's whole log-ratio (k1) is taken from its
    reward before replies are compared."""
    scale: Literal["group", "batch", "none"] = "group"
    """What advantages are divided by: the deviation of the group's rewards, of the rollout's, or nothing."""
    aggregation: Literal["token", "sequence", "constant"] = "sequence"
    """`token`: mean over tokens; `sequence`: mean over replies of their mean; `constant`: sum over tokens by
    replies × `constant` (Dr. GRPO)."""
    constant: int | None = Field(None, ge=1)
    """Tokens by which `aggregation: constant` divides; max_new_tokens by default."""
    clip: float = Field(0.2, gt=0)
    """Ratio clip ε."""
    clip_high: float | None = Field(None, gt=0)
    """Upper ε, where it is another (DAPO's clip-higher: 0.28)."""
    filter_equal: bool = False
    """Leave out groups whose replies all earn the same: they neither learn nor count in means."""

    @property
    def divisor(self) -> int:
        """Tokens that `aggregation: constant` takes every reply for."""
        return self.constant or self.decoding.max_new_tokens

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if self.replies_per_prompt < 2:
            raise ValueError(
                "a reply is judged beside others to the same prompt: replies_per_prompt must be at least 2"
            )
        if self.mini_batches > self.prompts_per_update:
            raise ValueError("a group is never split: mini_batches must not exceed prompts_per_update")
        return self


class GrpoSettings(GroupSettings):
    """Defaults are the paper's (Shao et al. 2024). Dr. GRPO: `scale: none, aggregation: constant`."""


class RlooSettings(GroupSettings):
    """Defaults are the paper's (Ahmadian et al. 2024): whole replies, the divergence inside the reward."""

    replies_per_prompt: int = Field(4, ge=1)
    """Replies of a group: each is held against the mean of the others; at least 2."""
    kl: float = Field(0.05, ge=0)
    kl_in: Literal["loss", "reward"] = "reward"
    scale: Literal["group", "batch", "none"] = "none"
    aggregation: Literal["token", "sequence", "constant"] = "constant"
