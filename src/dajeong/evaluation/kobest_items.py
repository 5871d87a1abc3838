"""KoBEST's tables as published → rows: the text of every cell as it is, and the answer. Makes no prompt.

The tables come from a spreadsheet: a cell that begins with a quote is a quoted one. The Hub's copy of KoBEST
was read in the same way. Labels are spelt differently from table to table; COPA counts from 1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from dajeong.data.kobest_tasks import JOINS, TASKS, Name, Task
from dajeong.errors import DataProblem


class Row(NamedTuple):
    id: str
    cells: Mapping[str, str]
    label: int


def tables_in(data: Path, part: Literal["test", "train"]) -> dict[Name, Path]:
    """Task → its table below the folder `data`; or the one table that `data` is, told from its columns.

    Training rows of a table that is `data` itself lie beside it. Raises DataProblem where a task has several.
    """
    if data.is_dir():
        found = {name: _only(data, f"**/{task.title}/{part}*.tsv") for name, task in TASKS.items()}
    else:
        name = _told(data)
        found = {name: data if part == "test" else _only(data.parent, f"{part}*.tsv")}
    return {name: path for name, path in found.items() if path is not None}


def _only(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(pattern))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataProblem("kobest-several", folder=found[0].parent, names=names)
    return found[0] if found else None


def _told(path: Path) -> Name:
    header = next(_lines(path), (1, []))[1]
    for name, task in TASKS.items():
        if {*task.texts, task.answer} <= set(header):
            return name
    raise DataProblem("kobest-columns", path=path, columns=", ".join(header)[:100] or "–")


def rows_of(name: Name, path: Path) -> list[Row]:
    """Every row of a table. Raises DataProblem for a column, a cell or a label that is not as published."""
    lines = _lines(path)
    _, header = next(lines, (1, []))
    task = TASKS[name]
    if not {*task.texts, task.answer} <= set(header):
        raise DataProblem("kobest-columns", path=path, columns=", ".join(header)[:100] or "–")
    return [_row(task, path, line, header, cells) for line, cells in lines]


def _row(task: Task, path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise DataProblem("kobest-width", path=path, line=line, found=len(cells), expected=len(header))
    named = dict(zip(header, cells, strict=True))
    answer = _known(named[task.answer].lower(), task.answers, path, line)
    if task is TASKS["copa"]:
        _known(named["question"], tuple(JOINS), path, line)
    identity = f"kobest:{task.title}-{named.get('ID') or line}"
    return Row(identity, {column: named[column] for column in task.texts}, task.answers.index(answer))


def _known(cell: str, known: tuple[str, ...], path: Path, line: int) -> str:
    if cell.strip() not in known:
        raise DataProblem(
            "kobest-label", path=path, line=line, label=cell.strip()[:40] or "–", known=", ".join(known)
        )
    return cell.strip()


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not empty."""
    if not path.is_file():
        raise DataProblem("file-missing", path=path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="\t")
        try:
            yield from ((reader.line_num, cells) for cells in reader if cells)
        except (csv.Error, UnicodeDecodeError) as problem:
            raise DataProblem(
                "kobest-unreadable", path=path, line=reader.line_num + 1, problem=problem
            ) from problem
