"""The records of a mixture as places on the disk and hashes: no text is held to draw from. Draws nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from pydantic import ValidationError

from dajeong.data.clean import prompt_of
from dajeong.data.filters.keys import comparable
from dajeong.data.mixture_settings import MixSettings
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Preference, Record
from dajeong.workplace import Workplace


class Entry(NamedTuple):
    """A record of the mixture: where its line lies, and what decides about it."""

    part: int
    key: bytes
    """Hash of its id, and of its number where the id is repeated."""
    prompt: bytes
    """Hash of what it asks first: records with the same stay together."""
    label: str | None
    """The value that `cap_each` counts."""
    file: Path
    offset: int
    repeat: int
    """How many came before it with the same id; the id then gets a number."""
    copy: int = 0
    """The number of this copy; 0 is the record itself."""


def read_entries(settings: MixSettings, files: Sequence[Path], work: Workplace) -> Iterator[list[Entry]]:
    """The entries of each file. Raises DataProblem where files hold different types of records."""
    seen: Counter[bytes] = Counter()
    makes: type[Record] | None = None
    for part, path in enumerate(files):
        entries: list[Entry] = []
        for number, (offset, record) in enumerate(_lines(path)):
            if number % 10_000 == 0:
                work.check_stop()
            makes = makes or type(record)
            if not isinstance(record, makes):
                names = {"found": type(record).__name__, "expected": makes.__name__}
                raise DataProblem("mix-kinds", path=path, **names)
            if not settings.kinds or record.kind in settings.kinds:
                entries.append(_entry(record, part, path, offset, settings.cap_by, seen))
        if not entries:
            raise DataProblem("mix-part-empty", path=path)
        yield entries


def _lines(path: Path) -> Iterator[tuple[int, Record]]:
    """Where each line begins, and its record."""
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield offset, _record(line, path, number)
            offset += len(line)


def _record(line: bytes, path: Path, number: int) -> Record:
    kind: type[Record] = Preference if b'"ranking"' in line and "ranking" in json.loads(line) else Dialogue
    try:
        return kind.model_validate_json(line)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise DataProblem(
            "record-invalid",
            path=path,
            line=number,
            field=".".join(map(str, first["loc"])) or kind.__name__,
            value=repr(first.get("input"))[:80],
            expected=first["msg"],
        ) from problem


def _entry(
    record: Record, part: int, path: Path, offset: int, cap_by: str | None, seen: Counter[bytes]
) -> Entry:
    name = _hashed(record.id)
    seen[name] += 1
    repeat = seen[name] - 1
    return Entry(
        part=part,
        key=_hashed(f"{record.id}\x1f{repeat}") if repeat else name,
        prompt=_hashed(prompt_group(record)),
        label=_label(record, cap_by),
        file=path,
        offset=offset,
        repeat=repeat,
    )


def _hashed(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def prompt_group(record: Record) -> str:
    """What is asked first, as it is compared: conversations that begin alike are never divided."""
    asked = next((message for message in prompt_of(record) if message.role == "user"), None)
    if asked is None:
        return record.id
    text = f"{asked.content}\x1f{asked.context or ''}"
    return comparable(text) or text


def _label(record: Record, cap_by: str | None) -> str | None:
    if cap_by is None:
        return None
    value = getattr(record, cap_by) if cap_by in ("kind", "source", "licence") else record.meta.get(cap_by)
    return str(value).split(" > ")[0].strip() if value not in (None, "") else None


def records_of(
    entries: Iterable[Entry], prompts_only: bool, told: Callable[[bytes], None]
) -> Iterator[Record]:
    """The records themselves, read where they lie; `told` hears every id in its order."""
    files: dict[Path, IO[bytes]] = {}
    try:
        for entry in entries:
            file = files.get(entry.file) or files.setdefault(entry.file, entry.file.open("rb"))
            file.seek(entry.offset)
            record = _named(_record(file.readline(), entry.file, 0), entry)
            told(f"{record.id}\n".encode("utf-8", "surrogatepass"))
            yield as_prompt(record) if prompts_only else record
    finally:
        for file in files.values():
            file.close()


def _named(record: Record, entry: Entry) -> Record:
    if not entry.repeat and not entry.copy:
        return record
    repeat = f"#{entry.repeat + 1}" if entry.repeat else ""
    copy = f"~{entry.copy + 1}" if entry.copy else ""
    return record.model_copy(update={"id": f"{record.id}{repeat}{copy}"})


def as_prompt(record: Record) -> Record:
    """What the record asks, without its last answer or its responses."""
    if isinstance(record, Preference):
        fields: dict[str, Any] = record.model_dump(include=set(Record.model_fields))
        return Dialogue(**fields, messages=record.prompt)
    return record.model_copy(update={"messages": prompt_of(cast(Dialogue, record))})
