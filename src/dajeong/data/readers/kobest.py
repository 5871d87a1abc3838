"""KoBEST's five tasks as multiple choice, for measuring only. Reads no file.

The task is told from the columns; the repository's tables and the Hub's name and count them differently.
Prompts are those of the usual protocol (EleutherAI's harness, without its double blank).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dajeong.data.readers.fields import RawRow
from dajeong.data.rows import Bad
from dajeong.records import Dialogue, Message, Record, content_id

TRUTH = {"true": 1, "1": 1, "false": 0, "0": 0}


def _counted(count: int, first: int = 0) -> dict[str, int]:
    """Label as written → index, for labels that count from `first`."""
    return {str(index + first): index for index in range(count)}


class Item(NamedTuple):
    task: str
    prompt: str
    choices: tuple[str, ...]
    label: int


def kobest(name: str, row: RawRow) -> list[Record]:
    """The gold choice is the answer; `meta` has the task, all choices and the label."""
    cells = {key.lower().replace(" ", "").replace("_", ""): value for key, value in row.items()}
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
    if "context" in cells:
        return _hellaswag(cells)
    if "target" in cells or "word" in cells:
        return _wic(cells)
    if "1" in cells or "alternative1" in cells:
        return _copa(cells)
    if "question" in cells:
        return _boolq(cells)
    if ("text" in cells or "sentence" in cells) and "label" in cells:
        return _sentineg(cells)
    columns = ", ".join(str(column) for column in row)[:100] or "–"
    raise Bad("row-field", field="Question / 1 / context / Target / Label", columns=columns)


def _boolq(cells: dict[str, Any]) -> Item:
    text, question = _text(cells, "text", "paragraph"), _text(cells, "question")
    choices = ("아니오", "예")
    return Item("BoolQ", f"{text} 질문: {question} 답변:", choices, _label(cells, TRUTH))


def _copa(cells: dict[str, Any]) -> Item:
    premise, question = _text(cells, "sentence", "premise"), _text(cells, "question")
    if question not in ("원인", "결과"):
        raise Bad("row-label", label=question[:40], known="원인, 결과")
    join = "왜냐하면" if question == "원인" else "그래서"
    choices = (_text(cells, "1", "alternative1"), _text(cells, "2", "alternative2"))
    first = 1 if "answer" in cells else 0  # the repository counts from 1, the Hub from 0
    return Item("COPA", f"{premise} {join}", choices, _label(cells, _counted(2, first)))


def _hellaswag(cells: dict[str, Any]) -> Item:
    choices = tuple(_text(cells, f"choice{number}", f"ending{number}") for number in (1, 2, 3, 4))
    return Item("HellaSwag", f"문장: {_text(cells, 'context')}", choices, _label(cells, _counted(4)))


def _sentineg(cells: dict[str, Any]) -> Item:
    prompt = f"문장: {_text(cells, 'text', 'sentence')} 긍부정:"
    return Item("SentiNeg", prompt, ("부정", "긍정"), _label(cells, _counted(2)))


def _wic(cells: dict[str, Any]) -> Item:
    """The word stands in brackets in the tables."""
    word = _text(cells, "target", "word")
    first, second = (
        _text(cells, f"sentence{number}", f"context{number}").replace("[", "").replace("]", "")
        for number in (1, 2)
    )
    prompt = f"문장1: {first} 문장2: {second} 두 문장에서 {word}가 같은 뜻으로 쓰였나?"
    return Item("WiC", prompt, ("아니오", "예"), _label(cells, TRUTH))


def _cell(cells: dict[str, Any], *names: str) -> Any:
    return next((cells[name] for name in names if cells.get(name) is not None), None)


def _text(cells: dict[str, Any], *names: str) -> str:
    """A cell; quotes that a spreadsheet put around it are not part of it."""
    value = _cell(cells, *names)
    if not isinstance(value, str):
        raise Bad("row-field", field=" / ".join(names), columns=", ".join(cells)[:100])
    quoted = len(value) > 1 and value.startswith('"') and value.endswith('"')
    if quoted and '"' not in value[1:-1].replace('""', ""):
        value = value[1:-1].replace('""', '"')
    return value.strip()


def _label(cells: dict[str, Any], known: Mapping[str, int]) -> int:
    written = str(_cell(cells, "answer", "label")).strip().lower()
    if written not in known:
        raise Bad("row-label", label=written[:40], known=", ".join(known))
    return known[written]
