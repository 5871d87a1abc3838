"""Settings of the evaluating steps. No torch here: a recipe is read without it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dajeong.data.kobest_tasks import Name
from dajeong.evaluation.kobest_prompts import Profile
from dajeong.models.settings import RuntimeSettings
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


class KobestSettings(Frozen):
    data: Path
    """Folder of KoBEST's tables as published (`BoolQ/test.tsv`, `BoolQ/train.tsv`…), or one such table."""
    tasks: tuple[Name, ...] = ()
    """Which tasks; none named is every task whose test table is there."""
    profile: Profile = "lm-eval-0.4"
    """Whose prompts, tokens and examples: lm-eval's since 0.4, or those behind the Polyglot-Ko cards."""
    shots: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1)
    """How many solved examples stand before each question; one row of figures for each number given."""
    max_records: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first this many rows of each task; null takes all."""
    tokens_per_forward: int = Field(8192, ge=16)
    """Tokens read at once, padding included."""
    runtime: RuntimeSettings = RuntimeSettings()
    """Where the models run. lm-eval's figures come from float32."""


TwinType = Literal[
    "thing-curse",
    "death-idiom",
    "nations-news",
    "self-identity",
    "word-meaning",
    "quoted-abuse",
    "service-complaint",
    "market-and-weather",
    "history",
    "joke",
    "games-and-machines",
]


class RefusalsSettings(Frozen):
    decoding: Decoding = Decoding(temperature=0, max_new_tokens=128)
    """How the replies are drawn, one to a prompt; the same draws for every model."""
    types: tuple[TwinType, ...] = ()
    """Only these types of twins; none named is all of them."""
    num_twins: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first this many twins of each type; null takes all twelve."""
    max_slots: int = Field(64, ge=1)
    """Replies written side by side: more is faster and takes more memory."""


class JudgedFilesSettings(Frozen):
    """How scores are read that others gave."""

    scale: tuple[float, float] = (1.0, 5.0)
    """Lowest and highest score of criteria whose column does not tell, as `자연스러움 (1 - 3)` does."""
    as_given: bool = False
    """Whether numbers outside the scale count as they stand; otherwise they are missing."""

    @model_validator(mode="after")
    def _has_a_scale(self) -> Self:
        if self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale {list(self.scale)}: expected the lowest score, then the highest")
        return self


class QualitySettings(JudgedFilesSettings):
    reference: str | None = None
    """The model that the others are set in relation to; null takes the first one."""
    names: tuple[str, ...] = ()
    """`MODEL` or `MODEL/KIND` of each file in `judged`, where their rows name none."""


class AgreementSettings(JudgedFilesSettings):
    name: str | None = None
    """What results call the judge; null takes the name in its scores."""


class RewardReportSettings(Frozen):
    max_training_pairs: int = Field(5_000, ge=1)
    """Training pairs that the n-gram and author baselines learn from, drawn evenly over all."""
    num_probes: int = Field(100, ge=0, json_schema_extra={"scaled": True})
    """Test prompts whose best reply is altered (padded, doubled, cut, emptied…) and read again; 0 does none
    of it, and asks for no sermons either."""
