"""The step that turns a raw corpus into records: the frame around a source. Keeps what is refused.

A row that cannot be read and a record that a rule drops are different things, and each has its limit. Beyond
it the step stops; `rejects.jsonl` then says why, and no records are written. Nothing gets lost between: rows
are unreadable or make parts, and parts are kept, dropped, unwanted by the user's own settings, or not drawn.
"""

from __future__ import annotations

import glob
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from dajeong import messages
from dajeong.data.clean import Seen, prompt_of, tidied, why_dropped
from dajeong.data.files import raw_files
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.hub import hub_rows
from dajeong.data.lines import rows_of_file
from dajeong.data.readers.fields import RawRow
from dajeong.data.reserved import reserved_for
from dajeong.data.rows import Bad, BadRow, Left, Row
from dajeong.data.settings import ReadSettings
from dajeong.data.sniff import likely_source
from dajeong.data.sources import Source, find_source
from dajeong.errors import DataProblem
from dajeong.records import Frozen, Record
from dajeong.storage import whole_file, write_json
from dajeong.workplace import Workplace

NUM_SHOWN = 3
"""Unreadable rows told to the person who waits; all of them are in the rejects."""

MAX_OF_EVALUATION = 0.1
"""Share of records from an evaluation set above which a file is taken for that set; fewer are dropped."""


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
    with whole_file(work.folder / "rejects.jsonl") as rejects:
        reading = _Reading(settings, work, rejects)
        try:
            num_records, problem = work.write("records", reading.chosen()), None
        except DataProblem as found:
            problem = found  # told once the rejects are safe
    if problem:
        raise problem
    stats = reading.stats(num_records)
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", read=stats)
    journal.close()
    reading.tell(num_records)


class _Reading:
    def __init__(self, settings: ReadSettings, work: Workplace, rejects: IO[bytes]) -> None:
        self.settings, self.work, self.rejects = settings, work, rejects
        self.source: Source = find_source(settings.source).with_options(settings.options)
        self.repeats = settings.repeats or self.source.repeats
        self.num_unreadable, self.num_made, self.num_kept = 0, 0, 0
        self.first_unreadable, self.looks_like = "", ""
        self.rows: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.unwanted: Counter[str] = Counter()
        self.evaluation: Counter[str] = Counter()
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
        if self.source.evaluation and not self.settings.evaluation:
            files = ", ".join(self.settings.path)
            raise DataProblem("source-evaluation", files=files, source=self.settings.source)
        for origin, file, row in self.all_rows():
            self.rows[origin] += 1
            if sum(self.rows.values()) % 10_000 == 0:
                self.work.check_stop()
            for record in self.of_row(file, row):
                self.num_kept += 1
                yield record
        self.check()

    def all_rows(self) -> Iterator[tuple[str, str, Row | BadRow]]:
        """What is counted together, the file as errors name it, and the row."""
        if self.settings.hub:
            for row in hub_rows(self.settings.hub):
                yield self.settings.hub.name, self.settings.hub.name, row
        for path in _files(self.settings.path):
            for file in raw_files(path, self.source.files):
                for row in rows_of_file(file):
                    yield file.origin, file.name, row

    def of_row(self, file: str, row: Row | BadRow) -> Iterator[Record]:
        if isinstance(row, BadRow):
            self.refuse(file, row)
            return
        try:
            parts = [self.checked(part) for part in self.parts(row.value)]
            if not parts:
                raise Bad("row-nothing")
        except Bad as bad:
            self.looks_like = self.looks_like or likely_source(row.value) or ""
            self.refuse(file, bad.row(row.line, str(dict(row.value))))
            return
        for part in parts:
            self.num_made += 1
            rule = part.rule if isinstance(part, Left) else self.why_dropped(part)
            if rule:
                self.drop(file, row.line, rule, part)
            elif isinstance(part, Record):
                yield self.named(part)

    def why_dropped(self, record: Record) -> str | None:
        belongs_to = reserved_for(record)
        if belongs_to and not self.settings.evaluation:
            self.evaluation[belongs_to] += 1
            return "evaluation-item"
        return why_dropped(record, self.settings) or self.repeated(record)

    def parts(self, row: RawRow) -> Sequence[Record | Left]:
        """What the source reads in it; what is of an evaluation set it need not be able to read."""
        try:
            return self.source.records(self.settings.source, row)
        except Bad:
            found = [] if self.settings.evaluation else _of_evaluation_set(row)
            if not found:
                raise
            return found

    def checked(self, record: Record | Left) -> Record | Left:
        """Tidied, with the settings' own kind and licence. Raises Bad if the file mixes kinds of record."""
        if isinstance(record, Left):
            return record
        self.makes = self.makes or type(record)
        if not isinstance(record, self.makes):
            raise Bad("row-mixed", found=type(record).__name__, expected=self.makes.__name__)
        licence = self.settings.licence or record.licence or self.source.licence
        update: dict[str, Any] = {"kind": self.settings.kind or record.kind, "licence": licence}
        if self.settings.evaluation:
            belongs_to = reserved_for(record) or self.settings.source
            update["meta"] = {**record.meta, "evaluation": belongs_to}
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

    def refuse(self, path: str, bad: BadRow) -> None:
        self.num_unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{_short(path)}:{bad.line}: {bad.why}"
        reason = messages.MESSAGES[bad.code].en.format(**bad.parameters)
        self.keep_reject(path, bad.line, bad.column, bad.code, reason, bad.excerpt)
        if self.num_unreadable <= NUM_SHOWN:
            self.work.progress.say(
                "line-unreadable",
                path=path,
                line=bad.line,
                column=bad.column,
                problem=bad.why,
                excerpt=bad.excerpt,
            )

    def drop(self, path: str, line: int, rule: str, part: Record | Left) -> None:
        chosen = isinstance(part, Left) and part.chosen
        (self.unwanted if chosen else self.dropped)[rule] += 1
        if isinstance(part, Left):
            text = part.text
        else:
            text = " / ".join(message.content for message in prompt_of(part))
        self.keep_reject(path, line, 1, rule, f"dropped by the rule {rule}", repr(text[:60]))

    def keep_reject(self, path: str, line: int, column: int, code: str, reason: str, excerpt: str) -> None:
        reject = Reject(
            file=_short(path), line=line, column=column, code=code, reason=reason, excerpt=excerpt
        )
        self.rejects.write(reject.model_dump_json().encode("utf-8") + b"\n")

    def check(self) -> None:
        """Raises DataProblem where more was refused than the settings allow, or nothing is left."""
        num_rows, num_dropped = sum(self.rows.values()), sum(self.dropped.values())
        num_wanted = self.num_made - sum(self.unwanted.values())
        said: dict[str, Any] = {
            "files": ", ".join(self.rows),
            "rejects": self.work.folder / "rejects.jsonl",
        }
        if self.num_unreadable > self.settings.max_unreadable * num_rows:
            limit = f"{self.settings.max_unreadable:.1%}"
            said["first"] = self.first_unreadable
            if self.looks_like not in ("", self.settings.source):
                said["first"] += messages.text("row-looks-like", source=self.looks_like)
            raise DataProblem(
                "read-unreadable", count=self.num_unreadable, rows=num_rows, limit=limit, **said
            )
        num_of_evaluation = sum(self.evaluation.values())
        if num_of_evaluation > MAX_OF_EVALUATION * self.num_made:
            names = ", ".join(self.evaluation)
            raise DataProblem(
                "read-evaluation", set=names, count=num_of_evaluation, rows=self.num_made, files=said["files"]
            )
        if num_dropped > self.settings.max_dropped * num_wanted or not self.num_kept:
            limit = f"{self.settings.max_dropped:.0%}"
            raise DataProblem(
                "read-dropped",
                count=self.num_made - self.num_kept,
                rows=self.num_made,
                limit=limit,
                rules=_listed(self.dropped + self.unwanted),
                **said,
            )

    def stats(self, num_records: int) -> dict[str, Any]:
        return {
            "records": num_records,
            "rows": sum(self.rows.values()),
            "made": self.num_made,
            "rejected": self.num_made - self.num_kept + self.num_unreadable,
            "unreadable": self.num_unreadable,
            "dropped": dict(sorted(self.dropped.items())),
            "unwanted": dict(sorted(self.unwanted.items())),
            "not_drawn": self.num_kept - num_records,
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
            dropped=_listed(self.dropped + self.unwanted) or "0",
        )


def _of_evaluation_set(row: RawRow) -> list[Record]:
    """What the own source of an evaluation set finds in a row of it; nothing in any other row."""
    for name in filter(None, (known.source for known in KNOWN_SETS.values())):
        try:
            records = [each for each in find_source(name).records(name, row) if isinstance(each, Record)]
        except Bad:
            continue
        if any(map(reserved_for, records)):
            return records
    return []


def _short(path: str) -> str:
    """A file's name, or that of the archive and what lies in it."""
    archive, mark, member = path.partition("!")
    return Path(archive).name + mark + member


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
