"""What a recipe may say about translating. Knows no HTTP and no word of Korean but the names of registers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dajeong.records import Decoding, Frozen
from dajeong.remote.settings import DeeplSettings, ServiceSettings

WantedRegister = Literal["haeyo", "hapsho", "banmal", "plain", "any"]
CheckName = Literal[
    "empty", "broken", "own-talk", "refusal", "hangul", "ratio", "digits", "newlines", "repeated", "register"
]
DROPPED: tuple[CheckName, ...] = (
    "empty",
    "broken",
    "own-talk",
    "refusal",
    "hangul",
    "ratio",
    "digits",
    "newlines",
    "repeated",
)


class TranslateSettings(Frozen):
    """English records into Korean ones: by a language model, or by DeepL where `deepl` is given."""

    service: ServiceSettings | None = None
    """The language model that translates; a model of one's own serves through the same `base_url`."""
    deepl: DeeplSettings | None = None
    """DeepL in place of a language model."""
    answer_register: WantedRegister = "haeyo"
    """How answers speak: 해요체, 합쇼체, 반말, 한다체; `any` asks for none and checks none."""
    question_register: WantedRegister = "any"
    """How users and material speak."""
    decoding: Decoding = Decoding(temperature=0, max_new_tokens=2048)
    """How the language model draws; a further try is drawn at temperature 0.5. Shorter
    texts may have shorter translations only.
    """
    tries: int = Field(2, ge=1, le=5)
    """Times a text is asked for as a whole; a further try says what was wrong. Then it is cut at its masks
    and lines.
    """
    drop: tuple[CheckName, ...] = DROPPED
    """Checks that drop a record; those not named only flag it."""
    context: bool | None = None
    """Whether answers and material go with the question they belong to, so that they are understood; null:
    only with a language model. DeepL takes one context a request and would be asked text by text.
    """
    licence: str = ""
    """Licence of what the translator writes, as its terms say; empty is unstated, and export refuses that."""
    english_only: Literal["flag", "translate"] = "flag"
    """What becomes of requests that depend on English wording: kept apart, or translated all the same."""
    max_records: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """Only the first so many are translated; null translates all."""
    batch_records: int = Field(1_000, ge=1)
    """Records under way together; memory grows with them."""
    max_rejected: float = Field(0.5, ge=0, le=1)
    """Share of records that may be rejected before the step stops."""

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if (self.service is None) == (self.deepl is None):
            raise ValueError("service or deepl: one of them says who translates")
        return self
