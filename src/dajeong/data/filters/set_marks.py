"""What is known of evaluation sets: hashes that come along for the registered ones, everything for a file.

`known_sets.safetensors` holds hashes of 4 n-grams of every text, enough to know a copy of the whole text, not of a
part. `python -m dajeong.data.filters.set_marks FOLDER` makes it anew from the files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from dajeong.data.filters.evaluation_index import Marks, marks_of
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.lines import read_rows
from dajeong.data.rows import BadRow

SHIPPED = Path(__file__).with_name("known_sets.safetensors")
GRAMS_PER_TEXT = 4
_NOT_TEXT = re.compile(
    r"(?i)^(?:id\d?|idx|link ?\d?|url|source|licence|license|label\w*|category\w*|role|from|kind|meta)$"
)


def shipped_marks(names: Iterable[str]) -> list[Marks]:
    """What is known of these sets where their files are not at hand."""
    kept = load_file(SHIPPED)
    return [
        Marks(name, kept[f"{name}.grams"], kept[f"{name}.short"]) for name in names if f"{name}.grams" in kept
    ]


def file_marks(path: Path) -> Marks:
    """Everything in one evaluation file."""
    return marks_of(path.name, file_texts(path))


def file_texts(path: Path) -> Iterator[str]:
    for row in read_rows(path):
        if not isinstance(row, BadRow):
            yield from _texts(row.value)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a row, whatever its shape; names, numbers and addresses are none."""
    if isinstance(value, str):
        if not value.startswith(("http://", "https://")):
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if not _NOT_TEXT.match(str(key)):
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def make(folder: Path, path: Path = SHIPPED) -> None:
    """Writes the hashes of every registered set found below a folder."""
    arrays: dict[str, Any] = {}
    for name, known in KNOWN_SETS.items():
        files = sorted(file for pattern in known.files for file in folder.glob(pattern))
        if files:
            texts = (text for file in files for text in file_texts(file))
            marks = marks_of(name, texts, GRAMS_PER_TEXT)
            arrays |= {f"{name}.grams": marks.grams, f"{name}.short": marks.short}
    save_file(arrays, path)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
