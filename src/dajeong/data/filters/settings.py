"""What a recipe may say about cleaning: one part a filter, null leaves the filter out. No filter is imported.

Filters run in the order of the fields: first repairs, then rules on one record, then what compares records.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from dajeong.records import Frozen


class TextSettings(Frozen):
    """Broken text."""

    max_jamo: float = Field(0.5, ge=0, le=1)
    """Share of an answer's Hangul that may be lone jamo; ㅋㅋ and ㅠㅠ are not counted."""
    max_replaced: int = Field(0, ge=0)
    """Replacement characters (U+FFFD) a record may hold."""
    repair_mojibake: bool = True
    """Turn UTF-8 that was read as cp1252 or latin-1 back, where that is unambiguous."""


class LengthSettings(Frozen):
    """Shortest and longest texts, by kind; white space is not counted."""

    prompt: dict[str, int] = {}
    """Kind → fewest characters of a question. VAIV dropped 15 and less: 16."""
    answer: dict[str, int] = {}
    """Kind → fewest characters of an answer."""
    min_prompt: int = Field(0, ge=0)
    """Fewest characters of a question of every other kind."""
    min_answer: int = Field(0, ge=0)
    """Fewest characters of an answer of every other kind."""
    max_characters: int | None = Field(None, ge=1)
    """Most characters of a whole record."""


class RefusalSettings(Frozen):
    """Answers that decline or speak of being a language model."""

    find: tuple[Literal["model", "refusal", "sermon", "plea"], ...] = ("model", "refusal")
    """What is dropped: "AI 언어 모델로서", declining, blaming the speaker, asking for kinder words."""
    keep_kinds: tuple[str, ...] = ("abusive",)
    """Kinds whose proper answer may decline."""


PersonalKind = Literal[
    "email", "resident", "card", "licence", "mobile", "landline", "business", "account", "passport",
    "vehicle", "ip",
]  # fmt: skip


class PersonalSettings(Frozen):
    """Korean personal data: numbers, addresses, names."""

    mode: Literal["report", "mask", "pseudonym", "drop"] = "report"
    """Count it, write `<전화번호>` or an invented number of the same form there, or drop the record."""
    kinds: tuple[PersonalKind, ...] = ()
    """What is looked for, by name; empty looks for all."""
    names: bool = False
    """Also names of persons; needs kiwipiepy."""
    seed: int = 0
    """Draws pseudonyms: the same text gets the same one everywhere."""


class ExactDuplicateSettings(Frozen):
    """Records that are equal but for spaces, punctuation and case."""

    of: Literal["prompt", "record"] = "record"
    """What must not come twice."""


class NearDuplicateSettings(Frozen):
    """Records that are nearly equal."""

    of: Literal["prompt", "record"] = "record"
    """What is compared."""
    least: float = Field(0.8, gt=0, le=1)
    """Jaccard index of 5-character shingles from which two are one."""
    exact_up_to: int = Field(50_000, ge=0)
    """Records up to which every pair is found, if they have no more than 60 million letters; above, MinHash
    proposes pairs where `rensa` is installed."""


class ParaphraseSettings(Frozen):
    """Questions that ask the same in other words."""

    least: float = Field(0.7, gt=0, le=1)
    """ROUGE-L F1 from which two questions are one (Self-Instruct's 0.7 holds for both units)."""
    unit: Literal["auto", "morphemes", "syllables"] = "auto"
    """Content morphemes (kiwipiepy), or syllables without the request's ending; auto takes what is there."""


class CosineSettings(Frozen):
    """Questions whose vectors are alike; a threshold means nothing without its vectoriser."""

    vectoriser: Literal["word", "char", "char_wb", "morphemes"]
    """scikit-learn's TF-IDF over words, characters 3–5, characters 2–3 inside words, or content morphemes."""
    least: float = Field(0.5, gt=0, le=1)
    """Cosine from which two questions are one."""


class DecontaminationSettings(Frozen):
    """Records that hold a piece of an evaluation set."""

    sets: tuple[str, ...] | None = None
    """Registered sets by name; null takes all."""
    files: tuple[str, ...] = Field((), json_schema_extra={"path": True})
    """More evaluation files: every text in them counts."""

    @field_validator("sets")
    @classmethod
    def _known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from dajeong.data.filters.known_sets import KNOWN_SETS  # here: no file is opened for it

        unknown = sorted(set(value or ()) - set(KNOWN_SETS))
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(KNOWN_SETS)}")
        return value


class OverlapSettings(Frozen):
    """Records whose question is also asked in the step's `against`."""


class RegisterSettings(Frozen):
    """존댓말 and 반말 of answers."""

    keep: tuple[Literal["haeyo", "hapsho", "banmal", "plain", "mixed", "none"], ...] | None = None
    """Registers that stay; null keeps all."""
    shares: dict[str, float] = {}
    """Register → largest share of what is left; the surplus is dropped, drawn by id."""
    second_opinion: bool = False
    """Drop where kiwipiepy reads another register."""
    seed: int = 0
    """Draws the surplus."""


class CleanSettings(Frozen):
    """Which filters run, and how strict they are."""

    text: TextSettings | None = TextSettings()
    """Composed Hangul (NFC), mojibake, lone jamo, replacement characters, empty answers."""
    personal: PersonalSettings | None = PersonalSettings()
    """Personal data: counted by default."""
    lengths: LengthSettings | None = None
    """Shortest questions and answers for each kind."""
    refusals: RefusalSettings | None = None
    """Answers that decline."""
    decontamination: DecontaminationSettings | None = DecontaminationSettings()
    """What must not be learned because it is asked later."""
    overlap: OverlapSettings | None = OverlapSettings()
    """The same for the questions of the step's `against`."""
    duplicates: ExactDuplicateSettings | None = ExactDuplicateSettings()
    """Equal records."""
    near_duplicates: NearDuplicateSettings | None = NearDuplicateSettings()
    """Nearly equal records."""
    paraphrases: ParaphraseSettings | None = None
    """Questions that ask the same in other words."""
    cosine: CosineSettings | None = None
    """Questions whose vectors are alike."""
    speech: RegisterSettings | None = None
    """존댓말 and 반말."""
    max_dropped: float = Field(0.5, ge=0, le=1)
    """Share of its records that one filter may drop before the step stops."""
