"""What a user's path stands for: a file, every file of a folder, every member of a zip. Knows no format.

Nothing is unpacked to disk. An archive that hides another, points outside of itself, or grows beyond reason
is refused whole, before anything of it is read.
"""

from __future__ import annotations

import glob
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from dajeong.errors import DataProblem

READABLE = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet")
MAX_MEMBERS = 200_000
MAX_UNPACKED = 50_000_000_000
"""Bytes of all members together."""
MAX_GROWTH = 200
"""Unpacked bytes for each packed one; text comes to 5 to 30. Looked at above SMALL."""
SMALL = 10_000_000

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    OSError,
)
"""What the standard library raises for a damaged or unusual archive."""


class RawFile(NamedTuple):
    name: str
    """How errors call it: a path, or `archive.zip!member`."""
    suffix: str
    origin: str
    """The name of the file, folder or archive the user gave, for counting."""
    opened: Callable[[], BinaryIO]
    in_archive: bool = False


def paths_of(patterns: Iterable[str]) -> list[Path]:
    """`*` stands for all that match, sorted. Raises DataProblem where nothing does."""
    paths: list[Path] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern)) if "*" in pattern and not Path(pattern).exists() else [pattern]
        if not found:
            raise DataProblem("file-missing", path=pattern)
        paths += map(Path, found)
    return paths


def raw_files(path: Path, wanted: tuple[str, ...] = READABLE) -> Iterator[RawFile]:
    """The files of a path in the order of their names; of folders and archives only those `wanted`.

    Raises DataProblem: no such path, nothing wanted in it, an archive that is refused.
    """
    found = _found(path, wanted)
    first = next(found, None)
    if first is None:
        raise DataProblem("folder-nothing", path=path, wanted=", ".join(wanted))
    yield first
    yield from found


def _found(path: Path, wanted: tuple[str, ...]) -> Iterator[RawFile]:
    if path.is_dir():
        yield from _of_folder(path, wanted)
    elif not path.is_file():
        raise DataProblem("file-missing", path=path)
    else:
        yield from _of_file(path, path.name, wanted)


def _of_file(path: Path, origin: str, wanted: tuple[str, ...]) -> Iterator[RawFile]:
    """It, or what is in it. Raises DataProblem where it is not the same once that was read."""
    before = _state(path)
    if path.suffix.lower() == ".zip":
        yield from _of_archive(path, origin, wanted)
    else:
        yield RawFile(str(path), path.suffix.lower(), origin, lambda: path.open("rb"))
    if _state(path) != before:
        raise DataProblem("file-changed", path=path)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        return path.stat().st_size, path.stat().st_mtime_ns
    except OSError:
        return None


def _of_folder(folder: Path, wanted: tuple[str, ...]) -> Iterator[RawFile]:
    """Its files and those of its archives, of which some may hold nothing that is wanted."""
    for path in sorted(folder.rglob("*")):
        if _is_hidden(path.relative_to(folder).parts) or not path.is_file():
            continue
        if path.suffix.lower() in (*wanted, ".zip"):
            yield from _of_file(path, folder.name, wanted)


def _of_archive(path: Path, origin: str, wanted: tuple[str, ...]) -> Iterator[RawFile]:
    """Its wanted members, two of one name included."""
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as problem:
        raise DataProblem("archive-broken", path=path, problem=problem) from problem
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check(path, members)
        for member in sorted(members, key=lambda each: (_name(each), each.header_offset)):
            if _wanted(_name(member), wanted):
                yield _member(path, origin, archive, member)


def _member(path: Path, origin: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> RawFile:
    name = _name(member)

    def opened() -> BinaryIO:
        return io.BufferedReader(archive.open(member))  # type: ignore[type-var]

    return RawFile(f"{path}!{name}", PurePosixPath(name).suffix.lower(), origin, opened, in_archive=True)


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raises DataProblem for what no corpus needs; the sizes declared here are kept to while reading."""
    for member in members:
        trouble = _trouble(member)
        if trouble:
            raise DataProblem(trouble, path=path, member=_name(member)[:100])
    unpacked = sum(member.file_size for member in members)
    growth = unpacked / max(1, path.stat().st_size)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED or (unpacked > SMALL and growth > MAX_GROWTH):
        raise DataProblem(
            "archive-bomb", path=path, members=len(members), size=unpacked, growth=round(growth)
        )


def _trouble(member: zipfile.ZipInfo) -> str | None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
        return "archive-outside"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "archive-outside"
    if member.flag_bits & 0x1:
        return "archive-locked"
    nested = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".xz", ".bz2", ".alz", ".egg")
    return "archive-nested" if name.lower().endswith(nested) else None


def _name(member: zipfile.ZipInfo) -> str:
    """Korean Windows writes names in CP949 without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("cp949")
    except UnicodeError:
        return member.filename


def _wanted(name: str, wanted: tuple[str, ...]) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in wanted and not _is_hidden(path.parts)


def _is_hidden(parts: tuple[str, ...]) -> bool:
    """What systems leave behind: `.DS_Store`, `__MACOSX/._x.json`."""
    return any(part.startswith((".", "__MACOSX")) for part in parts)
