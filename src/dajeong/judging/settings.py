"""What a recipe may say about a judge. No torch here: a recipe is read without it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.judging.rubric import Language, Rubric
from dajeong.judging.rubrics import NAMES, RUBRICS
from dajeong.models.settings import RuntimeSettings
from dajeong.records import Frozen
from dajeong.remote.settings import ServiceSettings

Method = Literal["exact", "top_logprobs", "sample", "greedy"]
LegacyName = Literal["kullm-2023", "vaiv-2023", "vaiv-2023-labels"]


class JudgedBy(Frozen):
    """Who judges, and when a judgement counts."""

    service: ServiceSettings | None = None
    """Who judges, where it is not a local model."""
    language: Language = "en"
    """Of the instructions; the text that is judged stays as it is. English has agreed better with people."""
    max_new_tokens: int = Field(16, ge=1)
    """Longest answer of a service. One that thinks before it speaks needs more."""
    repair: bool = True
    """Whether an unreadable answer is asked for once more; `greedy` only."""
    min_valid_mass: float = Field(0.1, ge=0, le=1)
    """A judge that finds all answers so unlikely had something else to say: its judgement is missing."""
    max_missing: float = Field(0.02, ge=0, le=1)
    """Share of judgements that may be missing before the step fails; they are never counted as 0."""
    tokens_per_forward: int = Field(8192, ge=16)
    """Tokens that a local judge reads at once, padding included."""
    runtime: RuntimeSettings = RuntimeSettings()
    """Where a local judge runs."""


class JudgeSettings(JudgedBy):
    """G-Eval: every criterion a prompt of its own, the score weighted by its probability."""

    rubric: str | Rubric = "vaiv"
    """What is asked: `vaiv`, `kullm`, `kullm3`, `korean`, or a rubric written out in the recipe."""
    criteria: tuple[str, ...] = ()
    """Only these criteria of the rubric; none named is all of them."""
    method: Method = "exact"
    """How a score comes about. `exact` reads the probability of every score from a local model (`judge`);
    `top_logprobs` from the likeliest tokens that a service tells; `sample` is the mean of draws at
    temperature 1; `greedy` one answer at temperature 0. Never replaced by another one."""
    num_samples: int = Field(20, ge=1, le=100, json_schema_extra={"scaled": False})
    """Draws of each score; `sample` only."""
    legacy: LegacyName | None = None
    """The form KULLM v2 or VAIV used, all criteria in one prompt and nothing fenced, to compare with their
    figures; `vaiv-2023-labels` shows two replies at once. Comes with its own rubric and temperature."""
    max_records: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first this many replies are judged; null judges all."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if isinstance(self.rubric, str) and self.rubric not in NAMES:
            raise ValueError(
                f"rubric {self.rubric!r}: expected one of {', '.join(NAMES)}, or one written out"
            )
        unknown = sorted(set(self.criteria) - set(self._whole.criteria))
        if unknown:
            raise ValueError(f"criteria {unknown}: the rubric has {', '.join(self._whole.criteria)}")
        if self.legacy and {"rubric", "language", "criteria", "method"} & self.model_fields_set:
            raise ValueError("legacy brings its own rubric, language, criteria and method: leave these out")
        if self.service is not None and self.method == "exact" and not self.legacy:
            raise ValueError(
                "method exact needs a local model as `judge`; a service takes top_logprobs, sample, greedy"
            )
        if self.method == "top_logprobs" and any(
            each.highest > 9 for sheet in self._whole.sheets.values() for each in sheet.criteria
        ):
            raise ValueError("top_logprobs reads one token: it takes scales up to 9")
        return self

    @property
    def _whole(self) -> Rubric:
        return RUBRICS[self.rubric, self.language] if isinstance(self.rubric, str) else self.rubric

    def chosen(self) -> Rubric:
        """The rubric with the criteria that are wanted."""
        return self._whole.only(self.criteria) if self.criteria else self._whole


class CompareSettings(JudgedBy):
    """Pairs of replies to one prompt, each shown in both orders."""

    method: Literal["exact", "greedy"] = "exact"
    """`exact` reads how likely A, B and a tie are from a local model (`judge`); `greedy` asks a service."""
    question: str = ""
    """What makes an answer the better one; empty asks for the more helpful, friendly and harmless one."""
    reference: str | None = None
    """The author whom all others are compared with; null compares each author with the one before."""
    max_pairs: int | None = Field(None, ge=1)
    """At most so many pairs of each two authors; null judges all."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.service is None) != (self.method == "exact"):
            raise ValueError("exact needs a local `judge` and no service; greedy needs a service")
        return self
