"""Whose words a run is made of: source and licence of every record, counted. Reads no text."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

# Records are written compactly and in the order of their fields, so this finds the pair without parsing the
# whole line; inside a text the quotes would be escaped.
_PAIR = re.compile(rb'"source":("(?:[^"\\]|\\.)*"),"licence":("(?:[^"\\]|\\.)*")')


class Origin(NamedTuple):
    step: str
    source: str
    licence: str
    num_records: int


def origins_of(folder: Path) -> list[Origin]:
    """What the records of one step's folder say of themselves, most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for path in sorted(folder.glob("*.jsonl")):
        if path.name != "rejects.jsonl":
            counted += _counted(path)
    return [Origin(folder.name, *pair, number) for pair, number in counted.most_common()]


def _counted(path: Path) -> Counter[tuple[str, str]]:
    with path.open("rb") as file:
        found = Counter(pair.groups() for line in file if (pair := _PAIR.search(line)))
    return Counter({(json.loads(source), json.loads(licence)): n for (source, licence), n in found.items()})
