"""What a recipe may say about data steps. Knows no file format and no word of Korean."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from dajeong.errors import UsageProblem
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
    """Constructed preference pairs, more than half of them about facts."""
    preference_kinds: tuple[Literal["normal", "lookalike", "abusive"], ...] = Field(
        ("normal", "lookalike", "abusive"), min_length=1
    )
    """Which kinds of prompts the preferences speak of. With abuse alone a model learns to refuse all."""
    num_ppo_prompts: int = Field(2_000, ge=1, json_schema_extra={"scaled": True})
    """Training prompts to practise on."""
    num_validation_prompts: int = Field(800, ge=1, json_schema_extra={"scaled": True})
    """Prompts to choose settings on."""
    num_test_prompts: int = Field(1_100, ge=1, json_schema_extra={"scaled": True})
    """Prompts of the final figures: 37 % normal, 28 % look-alikes, 24 % abuse, 11 % unseen look-alikes."""
    num_test_pairs: int = Field(1_500, ge=1, json_schema_extra={"scaled": True})
    """Pairs that measure the reward model, on test and as many on validation prompts: 40 % facts, 20 %
    misplaced, the rest tone.
    """


Repeats = Literal["prompt", "exchange", "record", "keep"]


class HubSettings(Frozen):
    """A data set of the Hugging Face Hub; needs the extra `datasets`."""

    name: str
    """`owner/name`, or a folder a data set was saved to."""
    split: str = "train"
    """Which of its splits."""
    subset: str | None = None
    """Which of its configurations; null where there is one."""
    revision: str | None = None
    """Branch, tag or commit; a commit makes sure that the same rows come next time."""


class ReadSettings(Frozen):
    """One raw corpus: where it lies, what it is, and what of it is good enough."""

    source: str
    """The format and origin: a name of `dajeong.data.sources.SOURCES`."""
    path: tuple[str, ...] = Field((), json_schema_extra={"path": True})
    """Files, folders or zips as downloaded, read in this order; `*` stands for all that match, sorted."""
    hub: HubSettings | None = None
    """A data set of the Hub, in place of `path`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What this source can be told: see its fields in docs/data.md."""
    evaluation: bool = False
    """Read for measuring: evaluation sets are read only so, and training refuses their records."""
    kind: str | None = None
    """Overrides what the source says each record is (`talk`, `abusive`, `general`…)."""
    licence: str | None = None
    """Overrides what is known of the source's licence."""
    seed: int = 0
    """Draws which records stay when there are more than `max_records`."""
    max_records: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Keep at most so many, drawn evenly over the files; order is kept."""
    min_prompt_characters: int = Field(0, ge=0)
    """Shortest question, white space not counted. VAIV kept prompts of 16 and more."""
    min_answer_characters: int = Field(0, ge=0)
    """Shortest answer, white space not counted."""
    repeats: Repeats | None = None
    """What must not come twice: a prompt, the first exchange, the whole record; `keep` drops nothing, null
    asks the source.
    """
    end_markers: tuple[str, ...] = ("<|endoftext|>",)
    """Texts cut off where an answer ends with them: end tokens that some corpora spell out."""
    max_unreadable: float = Field(0.01, ge=0, le=1)
    """Share of rows that may be unreadable before the step stops."""
    max_dropped: float = Field(0.5, ge=0, le=1)
    """Share of records that the rules may drop before the step stops."""

    @field_validator("path", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        # recipes are read strictly, and strictly a list is no tuple once a validator has touched it
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        from dajeong.data.sources import find_source  # here: the readers know these settings

        try:
            find_source(value)
        except UsageProblem as problem:
            raise ValueError(str(problem)) from problem
        return value

    @model_validator(mode="after")
    def _one_place_and_known_options(self) -> Self:
        from dajeong.data.sources import find_source

        if bool(self.path) == bool(self.hub):
            raise ValueError("path or hub: one of them says where the rows come from")
        try:
            find_source(self.source).with_options(self.options)
        except UsageProblem as problem:
            raise ValueError(str(problem)) from problem
        except ValidationError as problem:
            first = problem.errors()[0]
            raise ValueError(f"options.{'.'.join(map(str, first['loc']))}: {first['msg']}") from problem
        return self
