"""What a making step keeps, drops and shows: counts by rule, samples, what it cost. Knows no rule.

`stats.json` is the same whether or not the step was killed in between; what was paid is in the journal.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any

from dajeong.data.rejects import Reject
from dajeong.errors import DajeongError, QualityProblem
from dajeong.storage import whole_file, write_json
from dajeong.workplace import Workplace

NUM_SHOWN = 12
"""Accepted records on the page of samples."""
NUM_OF_RULE = 5
"""Rejects shown of each rule."""
_LONGEST = 1_500
"""Characters of a text on the page."""


class Harvest:
    """Counts everything, keeps every reject on the disk and a few samples of both, drawn by hash."""

    def __init__(self, work: Workplace, rejects: IO[bytes]) -> None:
        self._work, self._rejects = work, rejects
        self.num_kept = 0
        self.rejected: Counter[str] = Counter()
        self.flagged: Counter[str] = Counter()
        self.cost: float | None = 0.0
        self._shown = _Drawn(NUM_SHOWN)
        self._shown_of_rule: dict[str, _Drawn] = {}

    def keep(self, record_id: str, given: str, made: str, flags: Sequence[str] = ()) -> None:
        """Count an accepted record; `given` is what it was made from."""
        self.num_kept += 1
        self.flagged.update(flags)
        sample = {"id": record_id, "given": given[:_LONGEST], "made": made[:_LONGEST], "flags": list(flags)}
        self._shown.add(record_id, sample)

    def reject(self, record_id: str, rule: str, detail: str, text: str) -> None:
        """Write down why a candidate goes: the rule's name, what it saw, and the candidate."""
        self.rejected[rule] += 1
        reason = f"{rule}: {detail}" if detail else rule
        reject = Reject(
            file=record_id, line=0, column=0, code=rule, reason=reason, excerpt=repr(text[:_LONGEST])
        )
        self._rejects.write(reject.model_dump_json().encode("utf-8") + b"\n")
        sample = {"id": record_id, "detail": detail, "text": text[:_LONGEST]}
        self._shown_of_rule.setdefault(rule, _Drawn(NUM_OF_RULE)).add(f"{record_id}\x1f{detail}", sample)

    def paid(self, cost: float | None) -> None:
        """Add what an answer cost when it was paid for; one unknown price makes the sum unknown."""
        self.cost = None if self.cost is None or cost is None else self.cost + cost

    def listed(self) -> str:
        """Rules and how often each rejected something, for people."""
        return _listed(self.rejected)

    @property
    def num_rejected(self) -> int:
        return sum(self.rejected.values())

    def check(self, max_rejected: float) -> None:
        """Raises QualityProblem where too much was rejected, or nothing is left of something."""
        num_made = self.num_kept + self.num_rejected
        if num_made and not self.num_kept:
            raise self.nothing()
        if self.num_rejected > max_rejected * num_made:
            raise QualityProblem(
                "synthesis-rejected",
                step=self._work.name,
                count=self.num_rejected,
                made=num_made,
                limit=f"{max_rejected:.0%}",
                rules=self.listed(),
                rejects=self._work.folder / "rejects.jsonl",
            )

    def nothing(self) -> QualityProblem:
        """The error of a step that is left without a single record."""
        return QualityProblem(
            "synthesis-nothing",
            step=self._work.name,
            rules=self.listed() or "0",
            rejects=self._work.folder / "rejects.jsonl",
        )

    def finish(self, spent: float, **more: Any) -> dict[str, Any]:
        """Write stats.json and the diary, and tell people; `spent` is what the run has paid."""
        stats = {**self._stats(), **more}
        write_json(self._work.folder / "stats.json", stats)
        journal = self._work.journal()
        journal.write("note", synthesis=stats, spent=round(spent, 6))
        journal.close()
        self._work.progress.say(
            "synthesis-done",
            step=self._work.name,
            records=self.num_kept,
            rejected=self.listed() or "0",
            flagged=_listed(self.flagged) or "0",
            spent="?" if self.cost is None else f"{spent:.4f}",
        )
        return stats

    def _stats(self) -> dict[str, Any]:
        return {
            "records": self.num_kept,
            "rejected": dict(sorted(self.rejected.items())),
            "flagged": dict(sorted(self.flagged.items())),
            "cost": None if self.cost is None else round(self.cost, 6),
            "samples": self._shown.drawn(),
            "rejects": {rule: drawn.drawn() for rule, drawn in sorted(self._shown_of_rule.items())},
        }


class _Drawn:
    """The few with the smallest hashes: the same ones in whatever order they come."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[tuple[int, int, dict[str, Any]]] = []
        self._num_seen = 0

    def add(self, key: str, sample: dict[str, Any]) -> None:
        place = -int.from_bytes(hashlib.blake2b(key.encode("utf-8"), digest_size=8).digest(), "big")
        self._num_seen += 1
        push = heapq.heappush if len(self._held) < self._size else heapq.heappushpop
        push(self._held, (place, -self._num_seen, sample))

    def drawn(self) -> list[dict[str, Any]]:
        return [sample for _, _, sample in sorted(self._held, reverse=True)]


@contextlib.contextmanager
def harvest(work: Workplace) -> Iterator[Harvest]:
    """A harvest whose rejects are on the disk however the block ends, but for a crash."""
    problem: DajeongError | None = None
    with whole_file(work.folder / "rejects.jsonl") as rejects:
        try:
            yield Harvest(work, rejects)
        except DajeongError as found:
            problem = found
    if problem:
        raise problem


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common() if count)
