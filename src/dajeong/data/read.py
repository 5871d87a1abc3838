"""The step that turns a raw corpus into records: the frame around a source. Keeps what is refused.

A row that cannot be read and a record that a rule drops are different things, and each has its limit. Beyond
it the step stops; `rejects.jsonl` then says why, and no records are written. Nothing gets lost between: rows
are unreadable or make parts, and parts are kept, dropped, unwanted by the user's own settings, or not drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

from dajeong.data.clean import Ids, Seen, tidied, why_dropped
from dajeong.data.draws import drawn
from dajeong.data.files import paths_of, raw_files
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.hub import hub_rows
from dajeong.data.lines import rows_of_file
from dajeong.data.read_counts import Counts
from dajeong.data.readers.fields import RawRow
from dajeong.data.rejects import Reject, dropped, short, unreadable
from dajeong.data.reserved import reserved_for
from dajeong.data.rows import Bad, BadRow, Left, Row
from dajeong.data.settings import ReadSettings
from dajeong.data.sniff import hint
from dajeong.data.sources import Source, find_source
from dajeong.errors import DataProblem
from dajeong.records import Record
from dajeong.storage import whole_file, write_json
from dajeong.workplace import Workplace

NUM_SHOWN = 3
"""Unreadable rows told to the person who waits; all of them are in the rejects."""

_BETWEEN_STOPS = 10_000


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
    stats = reading.counts.stats(num_records)
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
        self.counts = Counts()
        self.first_unreadable, self.hint = "", ""
        self.ids, self.seen, self.prompts = Ids(), Seen(), Seen()
        self.makes: type[Record] | None = None

    def chosen(self) -> Iterator[Record]:
        """The records to keep, at most `max_records`; ends in the error if too much was refused."""
        for record in drawn(self.kept(), self.place, self.settings.max_records):
            self.counts.kinds[record.kind] += 1
            yield record

    def place(self, record: Record) -> bytes:
        """In the draw of `max_records`."""
        drawn_by = f"{self.settings.seed}\x1f{record.id}"
        return hashlib.blake2b(drawn_by.encode("utf-8"), digest_size=8).digest()

    def kept(self) -> Iterator[Record]:
        if self.source.evaluation and not self.settings.evaluation:
            hub = self.settings.hub
            files = hub.name if hub else ", ".join(self.settings.path)
            raise DataProblem("source-evaluation", files=files, source=self.settings.source)
        for number, (origin, file, row) in enumerate(self.all_rows(), start=1):
            self.counts.rows[origin] += 1
            if number % _BETWEEN_STOPS == 0:
                self.work.check_stop()
            for record in self.of_row(file, row):
                self.counts.kept += 1
                yield record
        self.check()

    def all_rows(self) -> Iterator[tuple[str, str, Row | BadRow]]:
        """What is counted together, the file as errors name it, and the row."""
        if self.settings.hub:
            for row in hub_rows(self.settings.hub):
                yield self.settings.hub.name, self.settings.hub.name, row
        for path in paths_of(self.settings.path):
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
            self.hint = self.hint or hint(row.value, self.settings.source)
            self.refuse(file, bad.row(row.line, str(dict(row.value))))
            return
        for part in parts:
            self.counts.made += 1
            rule = part.rule if isinstance(part, Left) else self.why_dropped(part)
            if rule:
                self.drop(file, row.line, rule, part)
            elif isinstance(part, Record):
                yield self.named(part)

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
        return tidied(record.model_copy(update=update), self.settings.end_markers, self.counts.changes)

    def why_dropped(self, record: Record) -> str | None:
        belongs_to = reserved_for(record)
        if belongs_to and not self.settings.evaluation:
            self.counts.evaluation[belongs_to] += 1
            return "evaluation-item"
        return why_dropped(record, self.settings) or self.repeated(record)

    def repeated(self, record: Record) -> str | None:
        came_before = asked_before = self.prompts.before(record, "prompt")
        self.counts.repeated_prompts += asked_before
        if self.repeats == "keep":
            return None
        if self.repeats != "prompt":
            came_before = self.seen.before(record, self.repeats)
        return f"repeated-{self.repeats}" if came_before else None

    def named(self, record: Record) -> Record:
        """With an id that no other record of this step has."""
        identity = self.ids.free(record.id)
        if identity == record.id:
            return record
        self.counts.repeated_ids += 1
        return record.model_copy(update={"id": identity})

    def refuse(self, path: str, bad: BadRow) -> None:
        self.counts.unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{short(path)}:{bad.line}: {bad.why}"
        self.keep(unreadable(path, bad))
        if self.counts.unreadable <= NUM_SHOWN:
            self.work.progress.say(
                "line-unreadable",
                path=path,
                line=bad.line,
                column=bad.column,
                problem=bad.why,
                excerpt=bad.excerpt,
            )

    def drop(self, path: str, line: int, rule: str, part: Record | Left) -> None:
        by_choice = isinstance(part, Left) and part.chosen
        (self.counts.unwanted if by_choice else self.counts.dropped)[rule] += 1
        self.keep(dropped(path, line, rule, part))

    def keep(self, reject: Reject) -> None:
        self.rejects.write(reject.model_dump_json().encode("utf-8") + b"\n")

    def check(self) -> None:
        """Raises DataProblem where more was refused than the settings allow, or nothing is left."""
        rejects = self.work.folder / "rejects.jsonl"
        self.counts.check(self.settings, self.first_unreadable + self.hint, rejects)

    def tell(self, num_records: int) -> None:
        self.work.progress.say(
            "read-done",
            step=self.work.name,
            records=num_records,
            rows=self.counts.num_rows,
            unreadable=self.counts.unreadable,
            dropped=self.counts.refused or "0",
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
