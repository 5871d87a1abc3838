"""A folder of labels: items, votes and the plan, beside the file or run they are about. Knows no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dajeong.errors import DataProblem
from dajeong.serving.label_items import ITEMS, Item, gold_of, judged_in, kept, load, merged
from dajeong.serving.label_queue import Plan
from dajeong.serving.label_store import read_events
from dajeong.serving.label_votes import Votes
from dajeong.storage import read_json, read_records, write_json

PLAN = "plan.json"


def folder_of(what: Path, labels: Path | None) -> Path:
    """`run/labels`, or `answers.labels` beside `answers.jsonl`, unless it is named."""
    return labels or (what / "labels" if what.is_dir() else what.with_suffix(".labels"))


def opened(
    what: Path,
    folder: Path,
    authors: Sequence[str] = (),
    gold: Sequence[Path] = (),
    judges: Sequence[Path] = (),
) -> list[Item]:
    """All items, those of earlier times too; written down, so that the file may go away."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    has_gone = not what.exists() and (folder / ITEMS).is_file()
    items = [] if has_gone else load(what, authors)
    for path in judges:
        items = judged_in(path, items)
    return kept(folder, merged([*items, *(item for path in gold for item in gold_of(path))]))


def check_there(what: Path, folder: Path) -> None:
    """Raises DataProblem where there is neither a file nor what was labelled of it."""
    if not what.exists() and not folder.exists():
        raise DataProblem("file-missing", path=what)


def planned(folder: Path, given: Mapping[str, Any]) -> Plan:
    """The plan that was begun with, and what is said otherwise now. The seed stays: sides hang on it."""
    path = folder / PLAN
    before = read_json(path) if path.is_file() else {}
    plan = Plan.model_validate({**before, **given, **({"seed": before["seed"]} if "seed" in before else {})})
    if plan.model_dump() != before:
        write_json(path, plan.model_dump(mode="json"))
    return plan


def read(folder: Path) -> tuple[list[Item], Votes]:
    """What was labelled and how, as it stands at this moment; a page may go on writing."""
    if not (folder / ITEMS).is_file():
        raise DataProblem("labels-none", path=folder)
    return list(read_records(folder / ITEMS, Item)), Votes.of(read_events(folder))
