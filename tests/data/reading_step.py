"""One run of the reading step in a folder of its own, and what it left there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dajeong.data.read import run
from dajeong.data.rejects import Reject
from dajeong.data.settings import ReadSettings
from dajeong.errors import DataProblem
from dajeong.progress import Quiet
from dajeong.records import Dialogue, Preference
from dajeong.storage import read_json, read_records
from dajeong.workplace import Workplace


class Heard(Quiet):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def say(self, code: str, **parameters: object) -> None:
        self.codes.append(code)


class Outcome:
    def __init__(self, folder: Path, source: str, paths: Sequence[Path], **settings: Any) -> None:
        self.heard = Heard()
        self.work = Workplace(run=folder, name="data", progress=self.heard)
        self.settings = ReadSettings(source=source, path=tuple(map(str, paths)), **settings)

    def run(self) -> Outcome:
        run(self.settings, self.work)
        assert self.adds_up, self.stats
        return self

    def stopped(self) -> DataProblem:
        with pytest.raises(DataProblem) as caught:
            self.run()
        assert not (self.work.folder / "records.jsonl").exists()
        return caught.value

    @property
    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = read_json(self.work.folder / "stats.json")
        return stats

    @property
    def adds_up(self) -> bool:
        """Whether every row and every part of one is accounted for."""
        stats = self.stats
        left_out = sum(stats["dropped"].values()) + sum(stats["unwanted"].values())
        return (
            stats["made"] == stats["records"] + left_out + stats["not_drawn"]
            and stats["rejected"] == stats["unreadable"] + left_out == len(self.rejects)
            and stats["made"] >= stats["rows"] - stats["unreadable"]
        )

    @property
    def dialogues(self) -> list[Dialogue]:
        return list(read_records(self.work.folder / "records.jsonl", Dialogue))

    @property
    def pairs(self) -> list[Preference]:
        return list(read_records(self.work.folder / "records.jsonl", Preference))

    @property
    def rejects(self) -> list[Reject]:
        return list(read_records(self.work.folder / "rejects.jsonl", Reject))
