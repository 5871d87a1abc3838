"""KoBEST's five tasks as multiple choice, for measuring only. Reads no file.

The task is told from the columns; the repository's tables and the Hub's name and count them differently.
Prompts are those of the usual protocol (EleutherAI's harness, without its double blank).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dajeong.data.kobest_tasks import JOINS, TASKS, TRUTH, Name, Task
from dajeong.data.readers.fields import RawRow
from dajeong.data.rows import Bad
from dajeong.records import Dialogue, Message, Record, content_id

TOLD_BY: dict[str, Name] = {
    "context": "hellaswag",
    "target": "wic",
    "word": "wic",
    "1": "copa",
    "alternative1": "copa",
    "question": "boolq",
    "text": "sentineg",
    "sentence": "sentineg",
}
"""Column → the task that has it; the first one found decides."""


class Item(NamedTuple):
    task: str
    prompt: str
    choices: tuple[str, ...]
    label: int


def kobest(name: str, row: RawRow) -> list[Record]:
    """The gold choice is the answer; `meta` has the task, all choices and the label."""
    cells = {_plain(key): value for key, value in row.items()}
    item = _item(row, cells)
    given = cells.get("id")
    texts = [item.prompt, *item.choices]
    return [
        Dialogue(
            id=f"{name}:{item.task}-{given}" if given else content_id(f"{name}:{item.task}", *texts),
            source=name,
            kind=item.task.lower(),
            messages=(
                Message(role="user", content=item.prompt),
                Message(role="assistant", content=item.choices[item.label]),
            ),
            meta={"task": item.task, "choices": list(item.choices), "label": item.label},
        )
    ]


def _item(row: RawRow, cells: dict[str, Any]) -> Item:
    name = next((name for column, name in TOLD_BY.items() if column in cells), None)
    if name is None or (name == "sentineg" and "label" not in cells):
        columns = ", ".join(str(column) for column in row)[:100] or "–"
        raise Bad("row-field", field="Question / 1 / context / Target / Label", columns=columns)
    task = TASKS[name]
    texts = {column: _text(cells, _plain(column), _plain(hub)) for column, hub in task.texts.items()}
    if name == "copa" and texts["question"] not in JOINS:
        raise Bad("row-label", label=texts["question"][:40], known=", ".join(JOINS))
    if name == "wic":  # the word stands in brackets in the tables
        texts = {column: text.replace("[", "").replace("]", "") for column, text in texts.items()}
    return Item(task.title, task.asked(texts), task.choices_in(texts), _label(cells, _labels(task, cells)))


def _plain(column: str) -> str:
    return column.lower().replace(" ", "").replace("_", "")


def _labels(task: Task, cells: dict[str, Any]) -> dict[str, int]:
    """Label as written → index: as the tables spell it, or counted from 0 as on the Hub."""
    spelt = {spelling: index for index, spelling in enumerate(task.answers)}
    counted = {str(index): index for index in range(len(task.answers))}
    if task.answers == TRUTH:
        return spelt | counted
    return spelt if "answer" in cells else counted


def _cell(cells: dict[str, Any], *names: str) -> Any:
    return next((cells[name] for name in names if cells.get(name) is not None), None)


def _text(cells: dict[str, Any], *names: str) -> str:
    """A cell; quotes that a spreadsheet put around it are not part of it."""
    value = _cell(cells, *names)
    if not isinstance(value, str):
        raise Bad("row-field", field=" / ".join(dict.fromkeys(names)), columns=", ".join(cells)[:100])
    quoted = len(value) > 1 and value.startswith('"') and value.endswith('"')
    if quoted and '"' not in value[1:-1].replace('""', ""):
        value = value[1:-1].replace('""', '"')
    return value.strip()


def _label(cells: dict[str, Any], known: Mapping[str, int]) -> int:
    written = str(_cell(cells, "answer", "label")).strip().lower()
    if written not in known:
        raise Bad("row-label", label=written[:40], known=", ".join(known))
    return known[written]
