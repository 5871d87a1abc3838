"""What the reading step counts, and how much of it is too much. Knows no record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from dajeong.data.settings import ReadSettings
from dajeong.errors import DataProblem

MAX_OF_EVALUATION = 0.1
"""Share of records from an evaluation set above which a file is taken for that set; fewer are dropped."""


class Counts:
    """Rows are unreadable or make parts; parts are kept, dropped, or unwanted by the user's own settings."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        """By the file, folder, archive or data set that the user named."""
        self.unreadable, self.made, self.kept = 0, 0, 0
        self.dropped: Counter[str] = Counter()
        """Rule → parts; so is `unwanted`, whose rules the user chose."""
        self.unwanted: Counter[str] = Counter()
        self.evaluation: Counter[str] = Counter()
        """Set that models are measured on → records of it."""
        self.changes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.repeated_prompts, self.repeated_ids = 0, 0

    @property
    def num_rows(self) -> int:
        return self.rows.total()

    @property
    def refused(self) -> str:
        """Every rule and its parts, most first."""
        rules = self.dropped + self.unwanted
        return ", ".join(f"{name} {count}" for name, count in rules.most_common())

    def stats(self, num_records: int) -> dict[str, Any]:
        """What stats.json says; `num_records` of those kept were drawn."""
        return {
            "records": num_records,
            "rows": self.num_rows,
            "made": self.made,
            "rejected": self.made - self.kept + self.unreadable,
            "unreadable": self.unreadable,
            "dropped": dict(sorted(self.dropped.items())),
            "unwanted": dict(sorted(self.unwanted.items())),
            "not_drawn": self.kept - num_records,
            "changed": {name: count for name, count in sorted(self.changes.items()) if count},
            "repeated_prompts": self.repeated_prompts,
            "repeated_ids": self.repeated_ids,
            "by_kind": dict(sorted(self.kinds.items())),
            "by_file": dict(self.rows),
        }

    def check(self, settings: ReadSettings, first: str, rejects: Path) -> None:
        """Raises DataProblem above a limit; it names the first unreadable row, and where all of them are."""
        files, num_of_evaluation = ", ".join(self.rows), self.evaluation.total()
        if self.unreadable > settings.max_unreadable * self.num_rows:
            raise DataProblem(
                "read-unreadable",
                files=files,
                count=self.unreadable,
                rows=self.num_rows,
                limit=f"{settings.max_unreadable:.1%}",
                first=first,
                rejects=rejects,
            )
        if num_of_evaluation > MAX_OF_EVALUATION * self.made:
            raise DataProblem(
                "read-evaluation",
                files=files,
                set=", ".join(self.evaluation),
                count=num_of_evaluation,
                rows=self.made,
            )
        num_wanted = self.made - self.unwanted.total()
        if self.dropped.total() > settings.max_dropped * num_wanted or not self.kept:
            raise DataProblem(
                "read-dropped",
                files=files,
                count=self.made - self.kept,
                rows=self.made,
                limit=f"{settings.max_dropped:.0%}",
                rules=self.refused,
                rejects=rejects,
            )
