"""Settings of the evaluating steps. No torch here: a recipe is read without it."""

from __future__ import annotations

from pydantic import Field

from dajeong.records import Decoding, Frozen


class EvaluateSettings(Frozen):
    task: str = "smalltalk"
    """Name of the result rows; a kind of prompt is written behind it, as in `smalltalk/abusive`."""
    decoding: Decoding = Decoding(temperature=0.8)
    """How the headline replies are drawn, one to a prompt; the same draws for every model."""
    greedy_too: bool = True
    """Whether greedy replies are printed beside them."""
    base: str = "base"
    """Name, among `models`, of the one that was never fine-tuned: the two settings below are about it."""
    template: str | None = None
    """Template the base is asked in, by name; null takes the one saved with it."""
    base_format: str | None = Field(None, pattern=r"\{prompt\}")
    """A format the base knows from its own text, such as `Q. {prompt} A.`: it is asked once more in that."""
    max_prompts: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first this many prompts are asked; null asks all."""
    max_slots: int = Field(64, ge=1)
    """Replies written side by side: more is faster and takes more memory."""


class RewardReportSettings(Frozen):
    max_training_pairs: int = Field(5_000, ge=1)
    """Training pairs that the n-gram and author baselines learn from, drawn evenly over all."""
