"""Invented records, what one filter says of them, and one run of the step that cleans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dajeong.data.filters.filter import Dropped, Filter
from dajeong.data.filters.settings import CleanSettings
from dajeong.data.filters.step import run
from dajeong.data.rejects import Reject
from dajeong.errors import DataProblem
from dajeong.progress import Quiet
from dajeong.records import Dialogue, Message, Preference, Record, Response
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace


def example(
    question: str, answer: str = "네, 그렇게 해요.", name: str = "1", kind: str = "talk", context: str = ""
) -> Dialogue:
    messages = (
        Message(role="user", content=question, context=context or None),
        Message(role="assistant", content=answer),
    )
    return Dialogue(id=name, kind=kind, messages=messages)


def prompt(question: str, name: str = "1", kind: str = "talk") -> Dialogue:
    return Dialogue(id=name, kind=kind, messages=(Message(role="user", content=question),))


def numbered(texts: Iterable[str]) -> list[Dialogue]:
    """Prompts named 0, 1, 2…"""
    return [prompt(text, str(number)) for number, text in enumerate(texts)]


def pair(chosen: str, rejected: str, question: str = "오늘 어땠어?", name: str = "1") -> Preference:
    return Preference(
        id=name,
        prompt=(Message(role="user", content=question),),
        responses=(Response(content=chosen), Response(content=rejected)),
        ranking=((0,), (1,)),
    )


def said(filter_: Filter, records: Sequence[Record]) -> list[str | None]:
    """Of each record why it is dropped; None where it is kept. Checks that none is lost or moved."""
    reasons: list[str | None] = []
    waiting = list(records)
    repaired, why_not = (getattr(filter_, name, None) for name in ("repaired", "why_not"))
    if repaired is not None:
        waiting = [repaired(record, Counter()) for record in waiting]
    if why_not is not None:
        return [why_not(record) for record in waiting]
    for record, found in zip(waiting, filter_.keep(iter(waiting)), strict=True):
        assert (found.record if isinstance(found, Dropped) else found) == record
        reasons.append(found.why if isinstance(found, Dropped) else None)
    return reasons


class Heard(Quiet):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def say(self, code: str, **parameters: object) -> None:
        self.lines.append((code, parameters))


class Cleaned:
    """One run of the step over invented files; settings left out are the defaults."""

    def __init__(
        self,
        folder: Path,
        *files: Sequence[Record],
        against: Sequence[Record] = (),
        **settings: Any,
    ) -> None:
        paths = []
        for number, records in enumerate(files):
            paths.append(folder / f"data-{number}.jsonl")
            write_records(paths[-1], records)
        inputs: dict[str, tuple[Path | str, ...]] = {"data": tuple(paths)}
        if against:
            write_records(folder / "against.jsonl", against)
            inputs["against"] = (folder / "against.jsonl",)
        self.heard = Heard()
        self.work = Workplace(run=folder, name="clean", inputs=inputs, progress=self.heard)
        self.settings = CleanSettings(**settings)

    def run(self) -> Cleaned:
        run(self.settings, self.work)
        assert not (self.work.folder / "scratch").exists()
        stats = self.stats
        assert stats["rows"] == stats["records"] + stats["rejected"]
        assert stats["rejected"] == len(self.rejects) == sum(stats["dropped"].values())
        return self

    def stopped(self) -> DataProblem:
        """The error it ends in, with nothing written but the rejects."""
        with pytest.raises(DataProblem) as caught:
            self.run()
        assert sorted(path.name for path in self.work.folder.iterdir()) == ["rejects.jsonl"]
        return caught.value

    def of(self, kind: type[Record] = Dialogue) -> list[Record]:
        return list(read_records(self.work.folder / "records.jsonl", kind))

    @property
    def names(self) -> list[str]:
        return [record.id for record in self.of()]

    @property
    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = read_json(self.work.folder / "stats.json")
        return stats

    @property
    def rejects(self) -> list[Reject]:
        return list(read_records(self.work.folder / "rejects.jsonl", Reject))
