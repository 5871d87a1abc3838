"""What a recipe may say about mixing: how much of each part, what is held out. Knows no file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dajeong.records import Frozen

Part = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, lt=1)]


class MixSettings(Frozen):
    """Several files of records become one, and what is held out of it."""

    seed: int = 0
    """Draws which records stay, what is held out, and the order."""
    parts: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    """Records → how much of them; `parts_are` says what the numbers mean."""
    parts_are: Literal["copies", "shares"] = "copies"
    """`copies`: 1 is every record once, 0.5 half of them, 2 all twice. `shares`: 2 beside 1 is a ratio."""
    max_records: int | None = Field(None, ge=1, json_schema_extra={"scaled": True})
    """With shares, the size of the mixture: a part that is too small gives all it has, the others fill up."""
    caps: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Part → most records of it, drawn by key."""
    cap_by: str | None = None
    """`cap_each` for each value of this: `kind`, `source`, `licence`, or a key of `meta` up to its " > "."""
    cap_each: int | None = Field(None, ge=1)
    """Most records of one part with the same value of `cap_by`; a record without a value is not counted."""
    kinds: tuple[str, ...] = ()
    """Only records of these kinds; empty takes all."""
    prompts_only: bool = False
    """Leave out the last answer: what remains is asked anew."""
    held_out: Part = 0
    """For the output `held_out`: a share below 1, or a number of records."""
    test: Part = 0
    """The same for the output `test`."""
    shuffle: bool = True
    """In an order drawn by key; else part after part, as they were."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if unknown := sorted(set(self.caps) - set(self.parts)):
            raise ValueError(f"caps names {unknown[0]}, which is no part: {', '.join(self.parts)}")
        if (self.cap_by is None) != (self.cap_each is None):
            raise ValueError("cap_by and cap_each belong together")
        if self.max_records is not None and self.parts_are == "copies":
            raise ValueError("max_records belongs to parts_are: shares")
        return self
