"""Files in and out: atomic writes, JSON Lines, content hashes. Knows paths and bytes, not what they mean.

A file appears whole or not at all: written beside its place, flushed to the disk, then renamed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from dajeong.errors import DajeongError, DataProblem, EnvironmentProblem

R = TypeVar("R", bound=BaseModel)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears whole and durably, when the block ends well.

    Raises EnvironmentProblem where the disk refuses; so does `whole_folder`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as problem:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if refusal := disk_problem(problem, path):
            raise refusal from problem
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    with whole_file(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise DataProblem("file-missing", path=path) from problem
    except json.JSONDecodeError as problem:
        raise _unreadable(path, problem.lineno, problem) from problem


def write_records(path: Path, records: Iterable[BaseModel]) -> int:
    """Write one JSON object a line; returns how many."""
    count = 0
    with whole_file(path) as file:
        for record in records:
            file.write(record.model_dump_json().encode("utf-8") + b"\n")
            count += 1
    return count


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """Read a file this project wrote. Raises DataProblem with file, line and field."""
    if not path.is_file():
        raise DataProblem("file-missing", path=path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _record(path, number, line, kind)


def _record(path: Path, number: int, line: bytes, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(line)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise DataProblem(
            "record-invalid",
            path=path,
            line=number,
            field=".".join(str(part) for part in first["loc"]) or kind.__name__,
            value=repr(first.get("input"))[:80],
            expected=first["msg"],
        ) from problem


def _unreadable(path: Path, line: int, problem: json.JSONDecodeError) -> DataProblem:
    excerpt = problem.doc[max(0, problem.pos - 30) : problem.pos + 30]
    return DataProblem(
        "line-unreadable",
        path=path,
        line=line,
        column=problem.colno,
        problem=problem.msg,
        excerpt=repr(excerpt),
    )


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder that appears whole: fill what is yielded; it takes its name when the block ends well."""
    temporary = path.with_name(path.name + ".tmp")
    if temporary.exists():
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in sorted(temporary.rglob("*")):
            if file.is_file():
                _sync_file(file)
        sync_folder(temporary)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except BaseException as problem:
        shutil.rmtree(temporary, ignore_errors=True)
        if refusal := disk_problem(problem, path):
            raise refusal from problem
        raise
    sync_folder(path.parent)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make renames inside `path` durable, where the system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return  # Windows cannot open a folder; its renames are durable enough
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_problem(problem: BaseException, path: object) -> EnvironmentProblem | None:
    """What the system says of a disk, as an error of ours; None where it says something else."""
    number = None if isinstance(problem, DajeongError) else _error_number(problem)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentProblem("disk-full", path=path)
    if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG):
        return EnvironmentProblem("folder-unwritable", path=path, problem=os.strerror(number))
    if number == errno.EIO:
        return EnvironmentProblem("disk-failing", path=path)
    return None


def _error_number(problem: BaseException) -> int | None:
    """Libraries that write by themselves put the system's number into a sentence of their own."""
    if isinstance(problem, OSError):
        return problem.errno
    told = re.search(r"\(os error (\d+)\)", str(problem))
    return int(told[1]) if told else None


def digest_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_json(value: Any) -> str:
    """A hash of the value, independent of key order."""
    return digest_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str).encode("utf-8"))


def digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(path: Path) -> str:
    """A hash of every file's name and content."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return digest_json([(file.relative_to(path).as_posix(), digest_file(file)) for file in files])
