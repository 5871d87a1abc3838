"""What is known of evaluation sets: hashes that come along for the registered ones, everything for a file.

`known_sets.safetensors` holds hashes of 12 n-grams of every text, enough to know a copy of it or of half of
it; and of some sets digests of whole questions. No text can be got back from it.
`python -m dajeong.data.filters.set_marks FOLDER` makes it anew from the files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from dajeong.data.clean import prompt_of
from dajeong.data.filters.digests import digest_of
from dajeong.data.filters.evaluation_index import Marks, marks_of
from dajeong.data.filters.keys import comparable
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.lines import read_rows
from dajeong.data.rows import BadRow
from dajeong.records import Record

SHIPPED = Path(__file__).with_name("known_sets.safetensors")
GRAMS_PER_TEXT = 12
"""With 4, a tenth of halves of KoBEST's longer texts is not known; with 12, hardly any."""
_COMPARED = 100
"""Letters of a question that are compared."""
_NOT_TEXT = re.compile(
    r"(?i)^(?:id\d?|idx|link ?\d?|url|source|licence|license|label\w*|category\w*|role|from|kind|meta)$"
)


def shipped_marks(names: Iterable[str]) -> list[Marks]:
    """What is known of these sets where their files are not at hand."""
    kept = load_file(SHIPPED)
    return [
        Marks(name, kept[f"{name}.grams"], kept[f"{name}.short"]) for name in names if f"{name}.grams" in kept
    ]


@cache
def shipped_questions() -> dict[int, str]:
    """Digest of a whole question → the registered set that asks it."""
    kept = load_file(SHIPPED)
    return {int(digest): name for name in KNOWN_SETS for digest in kept.get(f"{name}.questions", np.zeros(0))}


def question_digest(record: Record) -> int:
    """Of what a record asks first, letters and digits alone: spacing and case make no other question."""
    first = next((message for message in prompt_of(record) if message.role == "user"), None)
    texts = (first.content, first.context or "") if first else ()
    letters = (comparable(text[: 3 * _COMPARED])[:_COMPARED] for text in texts)
    return digest_of("\x1f".join(letters).encode("utf-8"))


def file_marks(path: Path) -> Marks:
    """Everything in one evaluation file."""
    return marks_of(path.name, file_texts([path]))


def file_texts(paths: Iterable[Path]) -> Iterator[str]:
    for row in file_rows(paths):
        yield from texts_in(row)


def file_rows(paths: Iterable[Path]) -> Iterator[Any]:
    for path in paths:
        for row in read_rows(path):
            if not isinstance(row, BadRow):
                yield row.value


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a row, whatever its shape; names, numbers and addresses are none."""
    if isinstance(value, str):
        if not value.startswith(("http://", "https://")):
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if not _NOT_TEXT.match(str(key)):
                yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)


def make(folder: Path, path: Path = SHIPPED) -> None:
    """Writes the hashes of every registered set found below a folder."""
    arrays: dict[str, Any] = {}
    for name, known in KNOWN_SETS.items():
        files = sorted(file for pattern in known.files for file in folder.glob(pattern))
        if files:
            marks = marks_of(name, file_texts(files), GRAMS_PER_TEXT)
            arrays |= {f"{name}.grams": marks.grams, f"{name}.short": marks.short}
        if files and known.source:
            digests = {question_digest(record) for record in _read(known.source, files)}
            arrays[f"{name}.questions"] = np.array(sorted(digests), np.uint64)
    save_file(arrays, path)


def _read(source: str, files: Iterable[Path]) -> Iterator[Record]:
    from dajeong.data.sources import find_source  # here: who only compares needs no reader

    reader = find_source(source)
    for row in file_rows(files):
        yield from (each for each in reader.records(source, row) if isinstance(each, Record))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
