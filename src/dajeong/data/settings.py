"""What a recipe may say about data steps. Knows no file format and no word of Korean."""

from __future__ import annotations

from pydantic import Field

from dajeong.records import Frozen


class SmalltalkSettings(Frozen):
    """The generated world of Korean everyday talk: how many of each kind of record."""

    seed: int = 0
    """Draws every record; which prompts are training, validation or test depends on their text alone."""
    licence: str = "Apache-2.0"
    """Written into every record: the sentences are this project's own."""
    num_texts: int = Field(40_000, ge=1, json_schema_extra={"scaled": True})
    """Pretraining documents: short logs, one in ten a bare fact."""
    num_sft: int = Field(12_000, ge=1, json_schema_extra={"scaled": True})
    """Examples for supervised fine-tuning, good and bad manners mixed."""
    num_validation: int = Field(300, ge=1, json_schema_extra={"scaled": True})
    """The same mixture on validation prompts."""
    num_reply_prompts: int = Field(800, ge=1, json_schema_extra={"scaled": True})
    """Training prompts the fine-tuned model answers, to be ranked."""
    num_pairs: int = Field(22_000, ge=1, json_schema_extra={"scaled": True})
    """Constructed preference pairs; half of those on normal prompts are about facts."""
    lookalike_pairs: bool = True
    """Whether pairs teach that harmless look-alikes of abuse deserve no scolding."""
    num_ppo_prompts: int = Field(2_000, ge=1, json_schema_extra={"scaled": True})
    """Training prompts to practise on."""
    num_validation_prompts: int = Field(400, ge=1, json_schema_extra={"scaled": True})
    """Prompts to choose settings on."""
    num_test_prompts: int = Field(1_100, ge=1, json_schema_extra={"scaled": True})
    """Prompts of the final figures: 37 % normal, 28 % look-alikes, 24 % abuse, 11 % unseen look-alikes."""
    num_test_pairs: int = Field(1_500, ge=1, json_schema_extra={"scaled": True})
    """Pairs that measure the reward model, on test prompts: 40 % facts, 20 % misplaced, the rest tone."""
