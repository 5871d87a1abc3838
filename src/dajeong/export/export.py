"""Records out of the house: in a shape that others read, where their licences allow it. Knows no trainer.

Nothing is written while a licence forbids it. A record the shape cannot hold is counted under its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dajeong.data.terms import NOT_STATED, is_allowed
from dajeong.errors import DataProblem, UsageProblem
from dajeong.export.files import write_rows, writer_of
from dajeong.export.shapes import SHAPES, Row, Unfit
from dajeong.records import Record

FLAT = ("alpaca", "trl")
"""Shapes that a table can hold; of TRL's, what has one turn."""


class Exported(NamedTuple):
    rows: int
    left_out: dict[str, int]
    """Why the shape could not hold a record → how many."""


def export(
    records: Callable[[], Iterable[Record]], shape: str, path: Path, allowed: Iterable[str] = ()
) -> Exported:
    """Write `records()`, which is called twice: its licences are looked at before anything is written.

    Raises DataProblem where a licence forbids it and `allowed` does not name it, or no record fits the shape.
    """
    if shape not in SHAPES:
        raise UsageProblem("export-shape", shape=shape, known=", ".join(SHAPES))
    writer_of(path)
    in_table = path.suffix.lower() == ".csv"
    if in_table and shape not in FLAT:
        raise UsageProblem("export-table", shape=shape, known=", ".join(FLAT))
    check_licences(records(), frozenset(allowed))
    left_out: Counter[str] = Counter()
    num_rows = write_rows(path, _rows(records(), shape, in_table, left_out))
    return Exported(num_rows, dict(left_out.most_common()))


def check_licences(records: Iterable[Record], allowed: frozenset[str]) -> None:
    """Raises DataProblem with the number of records under each licence that forbids passing them on."""
    stated = Counter(record.licence for record in records)
    refused = Counter({name or NOT_STATED: n for name, n in stated.items() if not is_allowed(name, allowed)})
    if refused:
        listed = "; ".join(f'"{name}": {count}' for name, count in refused.most_common())
        example = refused.most_common(1)[0][0]
        raise DataProblem("export-licences", count=refused.total(), licences=listed, example=example)


def _rows(records: Iterable[Record], shape: str, in_table: bool, left_out: Counter[str]) -> Iterator[Row]:
    """All with the columns of the first. Raises DataProblem at the end where there was none."""
    columns: list[str] | None = None
    for record in records:
        try:
            rows = [_flat(row) if in_table else row for row in SHAPES[shape](record)]
            columns = columns or list(rows[0])
            if list(rows[0]) != columns:
                raise Unfit("columns")
        except Unfit as unfit:
            left_out[unfit.reason] += 1
        else:
            yield from rows
    if columns is None:
        raise DataProblem("export-nothing", shape=shape, left_out=listed(left_out) or "0")


def _flat(row: Row) -> Row:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> str:
    """One message is its text; a table has no room for several."""
    if not isinstance(value, list):
        return str(value)
    if len(value) != 1:
        raise Unfit("many-turns")
    (message,) = value
    return str(message.get("content", message.get("value")))


def listed(left_out: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in left_out.items())
