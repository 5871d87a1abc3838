"""What a judging step leaves beside its records: counts, a line for people, the gate of what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dajeong.errors import QualityProblem
from dajeong.records import Score
from dajeong.storage import write_json
from dajeong.workplace import Workplace


def report(work: Workplace, scores: Sequence[Score], spent: float, max_missing: float, **more: Any) -> None:
    """Writes stats.json and the diary. Raises QualityProblem where too much is missing."""
    missing = Counter((score.reason or "").partition(":")[0] for score in scores if score.value is None)
    stats: dict[str, Any] = {
        "scores": len(scores),
        "missing": dict(sorted(missing.items())),
        "repaired": sum(bool(score.meta.get("repaired")) for score in scores),
        "judge": scores[0].scorer if scores else "",
        "method": scores[0].method if scores else "",
        **more,
    }
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", judge=stats, spent=round(spent, 6))
    journal.close()
    listed = ", ".join(f"{code} {count}" for code, count in missing.most_common()) or "0"
    work.progress.say("judge-done", step=work.name, scores=len(scores), missing=listed, spent=f"{spent:.4f}")
    if missing.total() > max_missing * len(scores):
        raise QualityProblem(
            "judge-missing",
            step=work.name,
            missing=missing.total(),
            scores=len(scores),
            limit=f"{max_missing:.0%}",
            reasons=listed,
        )
