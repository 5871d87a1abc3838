"""Files that hold no rows of text: archives, documents, pointers of Git LFS. Names them; opens none."""

from __future__ import annotations

import re

from dajeong.errors import DataProblem

PARQUET = b"PAR1"

_BEGINNINGS = (
    (b"PK\x03\x04", "a zip archive or an Office file"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"ARROW1", "Arrow"),
    (b"Obj\x01", "Avro"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\xd0\xcf\x11\xe0", "an old Office or HWP file"),
    (b"%PDF-", "PDF"),
)
"""What a file of each kind begins with."""

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?size (\d+)")


def check_text(path: str, sample: bytes) -> None:
    """Raises DataProblem for a file that begins like one of another kind."""
    if found := _POINTER.match(sample):
        raise DataProblem("file-pointer", path=path, size=int(found[1]))
    kind = next((kind for beginning, kind in _BEGINNINGS if sample.startswith(beginning)), None)
    if kind:
        raise DataProblem("file-kind", path=path, kind=kind)
