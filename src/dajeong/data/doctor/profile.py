"""The figures of a file of data: how much, of what kind, how long, in which register. Judges nothing.

Memory grows with the number of different lengths, kinds and licences, not with the number of records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from dajeong.data.clean import answers_of, num_characters, prompt_of
from dajeong.data.filters.speech import register_of
from dajeong.records import Frozen, Preference, Record

NUM_BARS = 40
SHARES = {"p5": 0.05, "median": 0.5, "p95": 0.95}


class Bar(Frozen):
    """Texts from `start` to below the next bar's start."""

    start: float
    count: int


class Lengths(Frozen):
    """Characters of texts, white space not counted."""

    n: int
    mean: float
    shortest: int
    p5: int
    median: int
    p95: int
    longest: int
    bars: tuple[Bar, ...]
    """A histogram; what is longer than 99 in 100 stands in the last bar."""


class Profile(Frozen):
    files: tuple[str, ...]
    source: str
    """How the rows were read."""
    rows: int
    records: int
    rejected: int
    """Rows that could not be read."""
    rejects: dict[str, int]
    """Why → how many."""
    left_out: dict[str, int]
    """Rule of the source → parts of rows that it leaves out."""
    preferences: int
    prompts_only: int
    """Dialogues that end with the user: prompts to answer, nothing to learn from by itself."""
    by_kind: dict[str, int]
    by_source: dict[str, int]
    by_licence: dict[str, int]
    """Licence → records; the empty string where none is stated."""
    lengths: dict[str, Lengths]
    """`prompt` and `answer`."""
    lengths_by_kind: dict[str, dict[str, Lengths]] = Field(exclude=True)
    registers: dict[str, dict[str, int]]
    """Kind → register of its answers → how many; the empty string is all kinds."""


class Profiler:
    """Sees every record once."""

    def __init__(self) -> None:
        self.records, self.preferences, self.prompts_only = 0, 0, 0
        self.kinds: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.lengths: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self.registers: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def see(self, record: Record) -> None:
        answers = answers_of(record)
        self.records += 1
        self.preferences += isinstance(record, Preference)
        self.prompts_only += not answers
        self.kinds[record.kind] += 1
        self.sources[record.source] += 1
        self.licences[record.licence] += 1
        for part, texts in (("prompt", _asked(record)), ("answer", answers)):
            self.lengths[record.kind, part].update(map(num_characters, texts))
        self.registers[record.kind].update(map(register_of, answers))

    def profile(self, **read: Any) -> Profile:
        """With what only the reading knows: files, source, rows, rejected, rejects, left_out."""
        by_kind = dict(self.kinds.most_common())
        return Profile(
            records=self.records,
            preferences=self.preferences,
            prompts_only=self.prompts_only,
            by_kind=by_kind,
            by_source=dict(self.sources.most_common()),
            by_licence=dict(self.licences.most_common()),
            lengths=self._lengths(list(by_kind)),
            lengths_by_kind={kind: self._lengths([kind]) for kind in by_kind},
            registers=self._registers(),
            **read,
        )

    def _lengths(self, kinds: Sequence[str]) -> dict[str, Lengths]:
        found = {
            part: sum((self.lengths[kind, part] for kind in kinds), Counter())
            for part in ("prompt", "answer")
        }
        return {part: lengths_of(counts) for part, counts in found.items() if counts}

    def _registers(self) -> dict[str, dict[str, int]]:
        found = {kind: dict(counts.most_common()) for kind, counts in self.registers.items() if counts}
        total: Counter[str] = sum(self.registers.values(), Counter())
        return {"": dict(total.most_common()), **found} if total else {}


def _asked(record: Record) -> list[str]:
    return [message.content for message in prompt_of(record) if message.role == "user"][-1:]


def lengths_of(counts: Mapping[int, int]) -> Lengths:
    """From length → how many texts; at least one text."""
    n = sum(counts.values())
    quantiles = {name: _quantile(counts, share) for name, share in SHARES.items()}
    return Lengths(
        n=n,
        mean=sum(length * count for length, count in counts.items()) / n,
        shortest=min(counts),
        longest=max(counts),
        bars=_bars(counts, _quantile(counts, 0.99)),
        **quantiles,
    )


def _quantile(counts: Mapping[int, int], share: float) -> int:
    """The shortest length that at least this share of texts does not exceed."""
    left = share * sum(counts.values())
    for length in sorted(counts):
        left -= counts[length]
        if left <= 1e-9:
            return length
    return max(counts)


def _bars(counts: Mapping[int, int], reach: int) -> tuple[Bar, ...]:
    width = max(1, -(-(reach + 1) // NUM_BARS))
    num_bars = -(-(reach + 1) // width)
    tall = [0] * num_bars
    for length, count in counts.items():
        tall[min(length // width, num_bars - 1)] += count
    return tuple(Bar(start=place * width, count=count) for place, count in enumerate(tall))
