"""This project's own records, read back. Reads no file."""

from __future__ import annotations

from pydantic import ValidationError

from dajeong.data.readers.fields import RawRow
from dajeong.data.rows import Bad
from dajeong.records import Dialogue, Preference, Record


def own(name: str, row: RawRow) -> list[Record]:
    """A Preference where there is a ranking, else a Dialogue."""
    kind: type[Record] = Preference if "ranking" in row else Dialogue
    try:
        return [kind.model_validate(row)]
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or kind.__name__
        raise Bad("row-record", kind=kind.__name__, field=field, problem=first["msg"]) from problem
