"""What the reading step counts: every row, and every part of one, has its place here. Knows no record."""

from __future__ import annotations

from collections import Counter
from typing import Any


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
