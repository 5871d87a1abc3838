"""The step that cleans records: the frame around filters. Counts, shows three samples, keeps what is dropped.

Records flow through one filter after another; those that compare records put them aside on disk. No file of
records appears where one filter drops more than it may.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dajeong.data.clean import prompt_of
from dajeong.data.either import kind_in
from dajeong.data.filters.filter import Dropped, Filter
from dajeong.data.filters.settings import CleanSettings
from dajeong.data.filters.table import Given, chosen_filters
from dajeong.data.rejects import Reject
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Record
from dajeong.storage import read_records, write_json
from dajeong.workplace import Workplace

NUM_SAMPLES = 3
_BETWEEN_STOPS = 10_000


def run(settings: CleanSettings, work: Workplace) -> None:
    """Writes `records`, `rejects` and stats.json. Raises DataProblem above `max_dropped`."""
    scratch = work.folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    cleaning = _Cleaning(settings, work, scratch)
    try:
        num_records = work.write("records", cleaning.kept())
    finally:
        cleaning.close()
        shutil.rmtree(scratch, ignore_errors=True)
    stats = cleaning.stats(num_records)
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", clean=stats)
    journal.close()
    cleaning.tell(num_records)


class _Cleaning:
    def __init__(self, settings: CleanSettings, work: Workplace, scratch: Path) -> None:
        self.settings, self.work, self.scratch = settings, work, scratch
        self.num_read = 0
        self.seen: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.samples: dict[str, list[dict[str, str]]] = {}
        self._rejects = (scratch / "rejects.jsonl").open("wb")

    def kept(self) -> Iterator[Record]:
        given = Given(self.scratch, lambda: records_of(self.work, "against"))
        records = self.read()
        for name, each in chosen_filters(self.settings, given):
            records = self.through(name, each, records)
        for record in records:
            self.kinds[record.kind] += 1
            yield record
        self.check()

    def read(self) -> Iterator[Record]:
        for record in records_of(self.work, "data"):
            self.num_read += 1
            if self.num_read % _BETWEEN_STOPS == 0:
                self.work.check_stop()
            yield record

    def through(self, name: str, filter_: Filter, records: Iterable[Record]) -> Iterator[Record]:
        """The records that a filter keeps: mended, then judged one by one, then compared."""
        singly = self.singly(name, filter_, records)
        keep = getattr(filter_, "keep", None)
        for each in singly if keep is None else keep(singly):
            if isinstance(each, Dropped):
                self.drop(name, each)
            else:
                yield each

    def singly(self, name: str, filter_: Filter, records: Iterable[Record]) -> Iterator[Record]:
        repaired, why_not = (getattr(filter_, part, None) for part in ("repaired", "why_not"))
        for record in records:
            self.seen[name] += 1
            if repaired is not None:
                record = repaired(record, self.changes)
            why = why_not(record) if why_not is not None else None
            if why is None:
                yield record
            else:
                self.drop(name, Dropped(record, why))

    def drop(self, name: str, dropped: Dropped) -> None:
        record, why = dropped
        self.dropped[name] += 1
        code = why.partition(":")[0]
        self.reasons[code] += 1
        excerpt = repr(" / ".join(message.content for message in prompt_of(record))[:60])
        samples = self.samples.setdefault(code, [])
        if len(samples) < NUM_SAMPLES:
            samples.append({"id": record.id, "why": why, "text": excerpt})
        reject = Reject(file=record.id, line=0, column=0, code=code, reason=why, excerpt=excerpt)
        self._rejects.write(reject.model_dump_json().encode("utf-8") + b"\n")

    def check(self) -> None:
        """Raises DataProblem where a filter dropped more than the settings allow, or nothing is left."""
        limit = self.settings.max_dropped
        for name, count in self.dropped.items():
            if count > limit * self.seen[name] or count == self.num_read:
                raise DataProblem(
                    "clean-dropped",
                    step=self.work.name,
                    filter=name,
                    count=count,
                    records=self.seen[name],
                    limit=f"{limit:.0%}",
                    reasons=_listed(self.reasons),
                    rejects=self.work.folder / "rejects.jsonl",
                )
        if not sum(self.kinds.values()):
            raise DataProblem("clean-empty", step=self.work.name, reasons=_listed(self.reasons) or "0")

    def close(self) -> None:
        """Rejects are there whether the step ends well or not."""
        self._rejects.close()
        os.replace(self.scratch / "rejects.jsonl", self.work.folder / "rejects.jsonl")

    def stats(self, num_records: int) -> dict[str, Any]:
        return {
            "records": num_records,
            "rows": self.num_read,
            "rejected": sum(self.dropped.values()),
            "dropped": dict(sorted(self.reasons.items())),
            "dropped_by_filter": dict(self.dropped),
            "changed": {name: count for name, count in sorted(self.changes.items()) if count},
            "by_kind": dict(sorted(self.kinds.items())),
            "samples": self.samples,
        }

    def tell(self, num_records: int) -> None:
        self.work.progress.say(
            "clean-done",
            step=self.work.name,
            records=num_records,
            rows=self.num_read,
            changed=_listed(self.changes) or "0",
            dropped=_listed(self.reasons) or "0",
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common() if count)


def records_of(work: Workplace, name: str) -> Iterator[Record]:
    """The records of an input, its files one after another. Raises DataProblem if they mix types."""
    found: type[Record] | None = None
    for file in work.inputs.get(name, ()):
        kind = kind_in(Path(file)) or found or Dialogue
        if found not in (None, kind) and name == "data":
            raise DataProblem("clean-mixed", step=work.name, file=file)
        found = kind
        yield from read_records(Path(file), kind)
