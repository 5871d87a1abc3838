"""The step that turns a raw corpus into records: the frame around a source. Keeps what is refused.

A row that cannot be read and a record that a rule drops are different things, and each has its limit. Beyond
it the step stops; `rejects.jsonl` then says why, and no records are written. Nothing gets lost between: rows
are unreadable or make parts, and parts are kept, dropped, unwanted by the user's own settings, or not drawn.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from dajeong import messages
from dajeong.data.clean import Ids, Seen, prompt_of, tidied, why_dropped
from dajeong.data.draws import drawn
from dajeong.data.files import raw_files
from dajeong.data.filters.known_sets import KNOWN_SETS
from dajeong.data.hub import hub_rows
from dajeong.data.lines import rows_of_file
from dajeong.data.read_counts import Counts
from dajeong.data.readers.fields import RawRow
from dajeong.data.reserved import reserved_for
from dajeong.data.rows import Bad, BadRow, Left, Row
from dajeong.data.settings import ReadSettings
from dajeong.data.sniff import hint
from dajeong.data.sources import Source, find_source
from dajeong.errors import DataProblem
from dajeong.records import Frozen, Record
from dajeong.storage import whole_file, write_json
from dajeong.workplace import Workplace

NUM_SHOWN = 3
"""Unreadable rows told to the person who waits; all of them are in the rejects."""

MAX_OF_EVALUATION = 0.1
"""Share of records from an evaluation set above which a file is taken for that set; fewer are dropped."""

_BETWEEN_STOPS = 10_000


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
            files = ", ".join(self.settings.path)
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
        self.first_unreadable = self.first_unreadable or f"{_short(path)}:{bad.line}: {bad.why}"
        reason = messages.MESSAGES[bad.code].en.format(**bad.parameters)
        self.keep_reject(path, bad.line, bad.column, bad.code, reason, bad.excerpt)
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
        if isinstance(part, Left):
            text = part.text
        else:
            text = " / ".join(message.content for message in prompt_of(part))
        by_choice = isinstance(part, Left) and part.chosen
        (self.counts.unwanted if by_choice else self.counts.dropped)[rule] += 1
        self.keep_reject(path, line, 1, rule, f"dropped by the rule {rule}", repr(text[:60]))

    def keep_reject(self, path: str, line: int, column: int, code: str, reason: str, excerpt: str) -> None:
        reject = Reject(
            file=_short(path), line=line, column=column, code=code, reason=reason, excerpt=excerpt
        )
        self.rejects.write(reject.model_dump_json().encode("utf-8") + b"\n")

    def check(self) -> None:
        """Raises DataProblem where more was refused than the settings allow, or nothing is left."""
        counts, settings = self.counts, self.settings
        files, rejects = ", ".join(counts.rows), self.work.folder / "rejects.jsonl"
        if counts.unreadable > settings.max_unreadable * counts.num_rows:
            raise DataProblem(
                "read-unreadable",
                files=files,
                count=counts.unreadable,
                rows=counts.num_rows,
                limit=f"{settings.max_unreadable:.1%}",
                first=self.first_unreadable + self.hint,
                rejects=rejects,
            )
        num_of_evaluation = counts.evaluation.total()
        if num_of_evaluation > MAX_OF_EVALUATION * counts.made:
            raise DataProblem(
                "read-evaluation",
                files=files,
                set=", ".join(counts.evaluation),
                count=num_of_evaluation,
                rows=counts.made,
            )
        num_wanted = counts.made - counts.unwanted.total()
        if counts.dropped.total() > settings.max_dropped * num_wanted or not counts.kept:
            raise DataProblem(
                "read-dropped",
                files=files,
                count=counts.made - counts.kept,
                rows=counts.made,
                limit=f"{settings.max_dropped:.0%}",
                rules=counts.refused,
                rejects=rejects,
            )

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


def _short(path: str) -> str:
    """A file's name, or that of the archive and what lies in it."""
    archive, mark, member = path.rpartition(".zip!")
    return Path(archive).name + mark + member if mark else Path(path).name


def _files(patterns: tuple[str, ...]) -> list[Path]:
    files: list[Path] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern)) if "*" in pattern and not Path(pattern).exists() else [pattern]
        if not found:
            raise DataProblem("file-missing", path=pattern)
        files += map(Path, found)
    return files
