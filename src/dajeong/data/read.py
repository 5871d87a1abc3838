"""The step that turns a raw corpus into records: the frame around a source. Keeps what is refused.

A row that cannot be read and a record that a rule drops are different things, and each has its limit. Beyond
it the step stops; `rejects.jsonl` then says why, and no records are written.
"""

from __future__ import annotations

import glob
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dajeong import messages
from dajeong.data.clean import Seen, prompt_of, tidied, why_dropped
from dajeong.data.lines import read_rows
from dajeong.data.rows import Bad, BadRow, Row
from dajeong.data.settings import ReadSettings
from dajeong.data.sources import Source, find_source
from dajeong.errors import DataProblem
from dajeong.records import Frozen, Record
from dajeong.storage import write_json
from dajeong.workplace import Workplace

NUM_SHOWN = 3
"""Unreadable rows told to the person who waits; all of them are in the rejects."""


class Reject(Frozen):
    file: str
    line: int
    column: int
    code: str
    """Why, as a code: of `messages` for what cannot be read, the rule's name for what was dropped."""
    reason: str
    excerpt: str


def run(settings: ReadSettings, work: Workplace) -> None:
    """Writes `records`, `rejects` and stats.json. Raises DataProblem above the limits."""
    reading = _Reading(settings, work)
    try:
        num_records = work.write("records", reading.chosen())
    finally:
        work.write("rejects", reading.rejects)
    stats = reading.stats(num_records)
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", read=stats)
    journal.close()
    reading.tell(num_records)


class _Reading:
    def __init__(self, settings: ReadSettings, work: Workplace) -> None:
        self.settings, self.work = settings, work
        self.source: Source = find_source(settings.source)
        self.repeats = settings.repeats or self.source.repeats
        self.rejects: list[Reject] = []
        self.num_unreadable, self.num_made = 0, 0
        self.first_unreadable = ""
        self.rows: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.seen, self.prompts, self.num_repeated_prompts = Seen(), Seen(), 0
        self.makes: type[Record] | None = None

    def chosen(self) -> Iterator[Record]:
        """The records to keep, at most `max_records`; ends in the error if too much was refused."""
        for record in _drawn(self.kept(), self.settings.max_records, self.settings.seed):
            self.kinds[record.kind] += 1
            yield record

    def kept(self) -> Iterator[Record]:
        for path in _files(self.settings.path):
            for row in read_rows(path):
                self.rows[path.name] += 1
                if sum(self.rows.values()) % 10_000 == 0:
                    self.work.check_stop()
                yield from self.of_row(path, row)
        self.check()

    def of_row(self, path: Path, row: Row | BadRow) -> Iterator[Record]:
        if isinstance(row, BadRow):
            self.refuse(path, row)
            return
        try:
            records = [
                self.checked(record) for record in self.source.records(self.settings.source, row.value)
            ]
        except Bad as bad:
            self.refuse(path, bad.row(row.line, str(dict(row.value))))
            return
        for record in records:
            self.num_made += 1
            rule = why_dropped(record, self.settings) or self.repeated(record)
            if rule:
                self.drop(path, row.line, rule, record)
            else:
                yield self.named(record)

    def checked(self, record: Record) -> Record:
        """Tidied, with the settings' own kind and licence. Raises Bad if the file mixes kinds of record."""
        self.makes = self.makes or type(record)
        if not isinstance(record, self.makes):
            raise Bad("row-mixed", found=type(record).__name__, expected=self.makes.__name__)
        licence = self.settings.licence or record.licence or self.source.licence
        update = {"kind": self.settings.kind or record.kind, "licence": licence}
        return tidied(record.model_copy(update=update), self.settings.end_markers, self.changes)

    def repeated(self, record: Record) -> str | None:
        asked_before = self.prompts.before(record, "prompt")
        self.num_repeated_prompts += asked_before
        if self.repeats == "prompt":
            return "repeated-prompt" if asked_before else None
        return (
            "repeated-record" if self.seen.before(record, self.repeats) and self.repeats == "record" else None
        )

    def named(self, record: Record) -> Record:
        """With an id that no other record of this step has."""
        self.ids[record.id] += 1
        count = self.ids[record.id]
        return record if count == 1 else record.model_copy(update={"id": f"{record.id}#{count}"})

    def refuse(self, path: Path, bad: BadRow) -> None:
        self.num_unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{path.name}:{bad.line}: {bad.why}"
        reason = messages.MESSAGES[bad.code].en.format(**bad.parameters)
        self.rejects.append(
            Reject(
                file=path.name,
                line=bad.line,
                column=bad.column,
                code=bad.code,
                reason=reason,
                excerpt=bad.excerpt,
            )
        )
        if self.num_unreadable <= NUM_SHOWN:
            self.work.progress.say(
                "line-unreadable",
                path=path,
                line=bad.line,
                column=bad.column,
                problem=bad.why,
                excerpt=bad.excerpt,
            )

    def drop(self, path: Path, line: int, rule: str, record: Record) -> None:
        self.dropped[rule] += 1
        excerpt = repr(" / ".join(message.content for message in prompt_of(record))[:60])
        reason = f"dropped by the rule {rule}"
        self.rejects.append(
            Reject(file=path.name, line=line, column=1, code=rule, reason=reason, excerpt=excerpt)
        )

    def check(self) -> None:
        """Raises DataProblem where more was refused than the settings allow, or nothing is left."""
        num_rows, num_dropped = sum(self.rows.values()), sum(self.dropped.values())
        said: dict[str, Any] = {
            "files": ", ".join(self.rows),
            "rejects": self.work.folder / "rejects.jsonl",
        }
        if self.num_unreadable > self.settings.max_unreadable * num_rows:
            limit = f"{self.settings.max_unreadable:.1%}"
            said["first"] = self.first_unreadable
            raise DataProblem(
                "read-unreadable", count=self.num_unreadable, rows=num_rows, limit=limit, **said
            )
        if num_dropped > self.settings.max_dropped * self.num_made or num_dropped == self.num_made:
            limit = f"{self.settings.max_dropped:.0%}"
            raise DataProblem(
                "read-dropped",
                count=num_dropped,
                rows=self.num_made,
                limit=limit,
                rules=_listed(self.dropped),
                **said,
            )

    def stats(self, num_records: int) -> dict[str, Any]:
        return {
            "records": num_records,
            "rows": sum(self.rows.values()),
            "rejected": len(self.rejects),
            "unreadable": self.num_unreadable,
            "dropped": dict(sorted(self.dropped.items())),
            "changed": {name: count for name, count in sorted(self.changes.items()) if count},
            "repeated_prompts": self.num_repeated_prompts,
            "repeated_ids": sum(count - 1 for count in self.ids.values()),
            "by_kind": dict(sorted(self.kinds.items())),
            "by_file": dict(self.rows),
        }

    def tell(self, num_records: int) -> None:
        self.work.progress.say(
            "read-done",
            step=self.work.name,
            records=num_records,
            rows=sum(self.rows.values()),
            unreadable=self.num_unreadable,
            dropped=_listed(self.dropped) or "0",
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _files(patterns: tuple[str, ...]) -> list[Path]:
    files: list[Path] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern)) if "*" in pattern and not Path(pattern).exists() else [pattern]
        if not found:
            raise DataProblem("file-missing", path=pattern)
        files += map(Path, found)
    return files


def _drawn(records: Iterator[Record], limit: int | None, seed: int) -> Iterator[Record]:
    """At most `limit`, chosen by a hash of their ids, in their old order; memory for `limit` of them."""
    if limit is None:
        yield from records
        return
    keyed = ((_draw(seed, record.id), index, record) for index, record in enumerate(records))
    for _, _, record in sorted(
        heapq.nsmallest(limit, keyed, key=lambda each: each[:2]), key=lambda each: each[1]
    ):
        yield record


def _draw(seed: int, identity: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x1f{identity}".encode(), digest_size=8).digest()
