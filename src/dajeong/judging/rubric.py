"""What a judge is asked about a reply: criteria with their scales, questions and frozen steps. Asks nobody.

Steps of evaluation are written once and kept here: a judge that writes its own steps anew at every start
measures something else each time. A rubric's hash goes into every score.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from dajeong.records import Frozen
from dajeong.storage import digest_json

Language = Literal["en", "ko"]
OTHERS = ""
"""The kind that stands for all kinds without a sheet of their own."""


class Criterion(Frozen):
    """One question with a scale of whole numbers, the highest the best."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """Its name in scores and figures, the same in every language."""
    title: str = Field(min_length=1)
    """What the form calls it."""
    question: str = Field(min_length=1)
    """What is asked about the reply."""
    lowest: int = Field(1, ge=0)
    """The worst score."""
    highest: int = Field(5, le=100)
    """The best score."""
    steps: tuple[str, ...] = ()
    """How the judge goes about it, step by step."""

    @model_validator(mode="after")
    def _has_a_scale(self) -> Self:
        if self.highest <= self.lowest:
            raise ValueError(f"a scale from {self.lowest} to {self.highest}: expected lowest < highest")
        return self

    @property
    def scale(self) -> range:
        return range(self.lowest, self.highest + 1)


class Sheet(Frozen):
    """What replies to one kind of prompt are asked about."""

    about: str = ""
    """What the judge is told of the prompts; empty says nothing."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    """Each is a prompt of its own."""


class Rubric(Frozen):
    name: str
    """Written into every score."""
    version: str = "1"
    """Raised whenever a word of it changes."""
    language: Language = "en"
    """Of the instructions; what is judged stays as it is."""
    sheets: dict[str, Sheet]
    """Kind of prompt → what is asked; the empty kind stands for all others."""

    @field_validator("sheets")
    @classmethod
    def _names_are_criteria(cls, sheets: dict[str, Sheet]) -> dict[str, Sheet]:
        for kind, sheet in sheets.items():
            names = [criterion.name for criterion in sheet.criteria]
            if len(names) != len(set(names)):
                raise ValueError(f"criteria of {kind or 'all other kinds'}: a name comes twice: {names}")
        return sheets

    def sheet(self, kind: str) -> Sheet | None:
        """What is asked about replies to prompts of this kind; None where the rubric has nothing to ask."""
        return self.sheets.get(kind) or self.sheets.get(OTHERS)

    @property
    def criteria(self) -> list[str]:
        """Every name once, in the order of the sheets."""
        return list(dict.fromkeys(each.name for sheet in self.sheets.values() for each in sheet.criteria))

    @property
    def digest(self) -> str:
        return digest_json(self.model_dump(mode="json"))[:16]

    def only(self, names: tuple[str, ...]) -> Rubric:
        """The rubric with these criteria alone; sheets that have none of them are gone."""
        left = {
            kind: sheet.model_copy(update={"criteria": chosen})
            for kind, sheet in self.sheets.items()
            if (chosen := tuple(each for each in sheet.criteria if each.name in names))
        }
        return self.model_copy(update={"sheets": left})
