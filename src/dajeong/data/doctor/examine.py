"""The doctor: one pass over the records of a file, every check, and what follows from it. Writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from dajeong.data.doctor import leaks, preferences, registers
from dajeong.data.doctor.checks import CHECKS
from dajeong.data.doctor.codes import CODES, GRAVITY, check_codes
from dajeong.data.doctor.finding import NUM_EXAMPLES, Diagnosis, Finding
from dajeong.data.doctor.profile import Profile, Profiler
from dajeong.data.doctor.reading import Reading
from dajeong.data.doctor.repeats import Repeats
from dajeong.data.filters.filter import texts_of
from dajeong.data.filters.personal import found_in
from dajeong.records import Preference, Record


class Tally:
    """How many records a code concerns, and the ids of the first."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, code: str, identity: str) -> None:
        self.counts[code] += 1
        if len(self.examples[code]) < NUM_EXAMPLES:
            self.examples[code].append(identity)

    def finding(self, code: str, of: int, **parameters: object) -> Finding:
        return Finding(
            code=code,
            severity=CODES[code],
            count=self.counts[code],
            of=of,
            examples=tuple(self.examples[code]),
            parameters=parameters,
        )


class _Examination:
    """What one pass over the records leaves behind."""

    def __init__(self) -> None:
        self.profiler, self.tally, self.repeats = Profiler(), Tally(), Repeats()
        self.sample = preferences.Sample()
        self.sets: Counter[str] = Counter()
        self.personal: Counter[str] = Counter()

    def see(self, record: Record, belongs_to: str | None) -> None:
        """`belongs_to` is the evaluation set of which the record holds a piece."""
        self.profiler.see(record)
        if belongs_to:
            self.sets[belongs_to] += 1
            self.tally.add("evaluation-leak", record.id)
        kinds = {find.kind for text in texts_of(record) for find in found_in(text)}
        self.personal.update(kinds)
        if kinds:
            self.tally.add("personal-data", record.id)
        codes = [code for code, check in CHECKS.items() if check.holds(record)]
        codes += self.repeats.codes(record)
        for code in codes:
            self.tally.add(code, record.id)
        if isinstance(record, Preference):
            self.sample.see(record)

    def findings(self) -> Iterator[Finding]:
        """Of single records."""
        of = self.profiler.records
        said = {
            "evaluation-leak": {"set": _listed(self.sets)},
            "personal-data": {"kinds": _listed(self.personal)},
        }
        for code in self.tally.counts:
            found = self.tally.finding(code, of, **said.get(code, {}))
            yield leaks.weighed(found) if code == "evaluation-leak" else found


def examine(paths: Sequence[Path], source: str | None = None, allowed: Sequence[str] = ()) -> Diagnosis:
    """Raises UsageProblem for an allowed code that does not exist, DataProblem for an unreadable file."""
    check_codes(allowed)
    reading, examination = Reading(paths, source), _Examination()
    for record, belongs_to in leaks.with_sets(reading.records()):
        examination.see(record, belongs_to)
    profile = _profile(reading, examination.profiler)
    baselines = preferences.baselines(examination.sample.preferences())
    findings = [
        *_of_reading(reading, profile),
        *examination.findings(),
        *registers.findings(profile.registers),
        *preferences.findings(baselines),
    ]
    findings.sort(key=lambda each: (GRAVITY.index(each.severity), -each.count, each.code))
    return Diagnosis(
        profile=profile, findings=tuple(findings), baselines=tuple(baselines), allowed=tuple(allowed)
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def profiled(paths: Sequence[Path], source: str | None = None) -> Profile:
    """The figures alone."""
    reading, profiler = Reading(paths, source), Profiler()
    for record in reading.records():
        profiler.see(record)
    return _profile(reading, profiler)


def _profile(reading: Reading, profiler: Profiler) -> Profile:
    return profiler.profile(
        files=tuple(str(path) for path in reading.paths),
        source=reading.source,
        rows=reading.rows,
        rejected=reading.unreadable,
        rejects=dict(reading.rejects.most_common()),
        left_out=dict(reading.left_out.most_common()),
    )


def _of_reading(reading: Reading, profile: Profile) -> Iterator[Finding]:
    if not profile.records:
        yield Finding(code="nothing-read", severity="blocking", count=profile.rejected, of=profile.rows)
    if reading.unreadable:
        yield Finding(
            code="unreadable",
            severity=CODES["unreadable"],
            count=reading.unreadable,
            of=reading.rows,
            examples=tuple(reading.examples),
        )
