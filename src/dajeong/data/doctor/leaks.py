"""Which records belong to an evaluation set or hold a piece of one, and how much of that is too much.

Knows no n-gram.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dajeong.data.doctor.codes import CODES
from dajeong.data.doctor.finding import Finding
from dajeong.data.filters.decontamination import Decontamination
from dajeong.data.filters.filter import Dropped
from dajeong.data.filters.settings import DecontaminationSettings
from dajeong.data.read_counts import MAX_OF_EVALUATION
from dajeong.data.reserved import reserved_for
from dajeong.data.sources import SOURCES
from dajeong.records import Record

MOST = 0.5
"""Share from which a file is the evaluation set itself."""


def with_sets(records: Iterable[Record]) -> Iterator[tuple[Record, str | None]]:
    """Every record, and the registered evaluation set that it is from or holds a piece of."""
    for found in Decontamination(DecontaminationSettings()).keep(records):
        record = found.record if isinstance(found, Dropped) else found
        piece = found.why.removeprefix("evaluation-set: ") if isinstance(found, Dropped) else None
        yield record, piece or reserved_for(record) or _measured_on(record)


def _measured_on(record: Record) -> str | None:
    source = SOURCES.get(record.source)
    return record.source if source and source.evaluation else None


def weighed(leak: Finding) -> Finding:
    """Few such records are dropped by cleaning, many keep a file from being read, most are the set itself."""
    if leak.count > MOST * leak.of:
        return leak.model_copy(update={"code": "evaluation-set", "severity": CODES["evaluation-set"]})
    if leak.count > MAX_OF_EVALUATION * leak.of:
        return leak.model_copy(update={"severity": "blocking"})
    return leak
