"""Files of ours that hold dialogues or preferences: which of the two, and their records. Knows no step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Preference
from dajeong.storage import read_records


def kind_in(path: Path) -> type[Dialogue] | type[Preference] | None:
    """Preferences have a ranking; everything else is a dialogue. None for a file without records."""
    first = first_line(path)
    if not first:
        return None
    try:
        row = json.loads(first)
    except ValueError:
        return Dialogue  # read_records says what is wrong with it
    return Preference if isinstance(row, dict) and "ranking" in row else Dialogue


def first_line(path: Path) -> str:
    """The first line that is not empty; "" where there is none. Raises DataProblem for a missing file."""
    if not path.is_file():
        raise DataProblem("file-missing", path=path)
    with path.open("rb") as file:
        return next((line for line in file if line.strip()), b"").decode("utf-8", "replace")


def either_in(paths: Iterable[Path | str]) -> Iterator[Dialogue | Preference]:
    """The records of all files, one file after another."""
    for path in map(Path, paths):
        yield from read_records(path, kind_in(path) or Dialogue)
