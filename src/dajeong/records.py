"""The nouns of the house: what every room reads from and writes to disk. Knows no file format and no model.

Each record is one JSON object on one line. `id` is stable: `source:original-id`, or a content hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["system", "user", "assistant"]
StopReason = Literal["eos", "stop", "length", "cancelled"]


class Frozen(BaseModel):
    """A value: unknown fields are refused, nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Frozen):
    role: Role
    content: str
    context: str | None = None
    """The "input" of Alpaca-style data: material the request is about."""


class Record(Frozen):
    """What every record carries beside its own fields."""

    id: str
    source: str = ""
    licence: str = ""
    kind: str = "general"
    meta: dict[str, Any] = Field(default_factory=dict)


class Dialogue(Record):
    """Ends with `assistant`: an example to learn from. Ends with `user`: a prompt."""

    messages: tuple[Message, ...] = Field(min_length=1)

    @property
    def is_prompt(self) -> bool:
        return self.messages[-1].role == "user"


class Decoding(Frozen):
    """How a reply was drawn. Temperature 0 is greedy; `num_beams` > 1 is beam search, which needs that."""

    temperature: float = Field(1.0, ge=0)
    """Logits are divided by it; 0 always takes the likeliest token."""
    top_k: int = Field(0, ge=0)
    """0 keeps every token."""
    top_p: float = Field(1.0, gt=0, le=1)
    """The likeliest tokens that together reach this probability are kept; 1 keeps every token."""
    repetition_penalty: float = Field(1.0, gt=0)
    """Above 1, tokens seen before become less likely."""
    num_beams: int = Field(1, ge=1)
    """Sequences kept side by side in the search; 1 is no beam search."""
    max_new_tokens: int = Field(64, ge=1)
    """Longest reply."""

    @model_validator(mode="after")
    def _beams_are_greedy(self) -> Self:
        if self.num_beams > 1 and self.temperature > 0:
            raise ValueError("num_beams > 1 needs temperature 0: beams and sampling do not mix")
        return self

    @property
    def name(self) -> str:
        """How people call it: `T 0.8 top-p 0.9`, `greedy`, `4 beams`. Lengths are not part of it."""
        if self.num_beams > 1:
            return f"{self.num_beams} beams"
        parts = ["greedy" if self.temperature == 0 else f"T {self.temperature:g}"]
        if self.temperature > 0:
            parts += [f"top-p {self.top_p:g}"] if self.top_p < 1 else []
            parts += [f"top-k {self.top_k}"] if self.top_k else []
        parts += [f"penalty {self.repetition_penalty:g}"] if self.repetition_penalty != 1 else []
        return " ".join(parts)


class Reply(Record):
    prompt_id: str
    prompt: tuple[Message, ...]
    content: str
    author: str
    """Who wrote it: a model (`sft`, `ppo`…) or a person."""
    decoding: Decoding | None = None
    stop_reason: StopReason | None = None
    seed: int | None = None
    num_tokens: int | None = None
    desirable: bool | None = None


class Response(Frozen):
    content: str
    author: str = ""
    scores: dict[str, float] = Field(default_factory=dict)


class Preference(Record):
    """K ≥ 2 responses to one prompt and their order: groups of equal rank, best first, by index."""

    prompt: tuple[Message, ...] = Field(min_length=1)
    responses: tuple[Response, ...] = Field(min_length=2)
    ranking: tuple[tuple[int, ...], ...]
    labelled_by: str = ""
    """`judge:…`, `human:…` or `rule:…`."""
    weight: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _ranks_every_response_once(self) -> Self:
        ranked = sorted(index for group in self.ranking for index in group)
        if ranked != list(range(len(self.responses))):
            raise ValueError(f"ranking {self.ranking} must name each of {len(self.responses)} responses once")
        return self

    def pairs(self) -> list[tuple[int, int]]:
        """Every (better, worse) index pair the ranking implies; ties give none."""
        return [
            (better, worse)
            for rank, group in enumerate(self.ranking)
            for better in group
            for lower in self.ranking[rank + 1 :]
            for worse in lower
        ]


class Score(Record):
    reply_id: str
    scorer: str
    criterion: str
    value: float | None
    """None is a missing judgement, never 0; `reason` then says why."""
    reason: str | None = None
    method: str = "rule"
    settings_hash: str = ""


class Result(Frozen):
    """One line of the answer: a figure with its interval and its n."""

    model: str
    task: str
    metric: str
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int = 0
    missing: int = 0
    baselines: dict[str, float] = Field(default_factory=dict)
    versus: str | None = None
    """The other model, where the row is a paired difference `model − versus`."""
    decoding: str = ""
    notes: str = ""


def content_id(source: str, *parts: str) -> str:
    """A stable id for a record that brings none: 16 hex digits of its content."""
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8")).hexdigest()[:16]
    return f"{source}:{digest}"


def last_user_text(messages: Sequence[Message]) -> str:
    """What the user said last, context left out; the empty string if nobody spoke."""
    return next((m.content for m in reversed(messages) if m.role == "user"), "")
