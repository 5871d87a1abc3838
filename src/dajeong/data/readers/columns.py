"""Any table: the recipe says which column holds what. Reads no file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dajeong.data.readers.conversations import conversation
from dajeong.data.readers.fields import RawRow, asked, identity, present, text_of
from dajeong.data.readers.instructions import ANSWERS, alpaca
from dajeong.data.readers.pairs import preference, trl
from dajeong.records import Dialogue, Frozen, Message, Record


class Columns(Frozen):
    """Names of columns, with dots for what lies inside of one (`data.question`); null where there is none.

    Without any name the usual ones are tried: instruction, input, output; prompt, chosen, rejected; messages.
    """

    instruction: str | None = None
    """What is asked."""
    input: str | None = None
    """What the request is about."""
    output: str | None = None
    """The answer; without one every row is a prompt."""
    system: str | None = None
    """How the assistant was told to be."""
    chosen: str | None = None
    """The better answer."""
    rejected: str | None = None
    """The worse answer."""
    messages: str | None = None
    """A whole conversation as a list."""
    id: str | None = None
    """What names the row."""
    kind: str | None = None
    """What kind of talk it is."""

    def __call__(self, name: str, row: RawRow) -> list[Record]:
        given = {
            ours: _inside(row, theirs) for ours in type(self).model_fields if (theirs := getattr(self, ours))
        }
        if not set(given) - {"id", "kind"}:
            given = {**row, **given}
        records = [self._with_system(record, given) for record in _shape(given)(name, given)]
        kind = text_of(given, "kind", missing="") if self.kind else ""
        return [record.model_copy(update={"kind": kind}) if kind else record for record in records]

    def _with_system(self, record: Record, given: RawRow) -> Record:
        told = text_of(given, "system", missing="") if self.system else ""
        if not told.strip():
            return record
        field = "messages" if isinstance(record, Dialogue) else "prompt"
        said: Sequence[Message] = getattr(record, field)
        return record.model_copy(update={field: (Message(role="system", content=told), *said)})


def _inside(row: RawRow, path: str) -> Any:
    """The column of that name; else, step by step, what lies inside."""
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        value = present(value if isinstance(value, dict) else {}, part)[1]
    return value


def _shape(row: RawRow) -> Callable[[str, RawRow], Sequence[Record]]:
    if "chosen" in row or "rejected" in row:
        return preference
    if "messages" in row or "conversations" in row:
        return conversation
    if isinstance(row.get("prompt"), list):
        return trl
    return alpaca if any(key in row for key in (*ANSWERS, "instances")) else prompt


def prompt(name: str, row: RawRow) -> list[Record]:
    """`{instruction, input?}`, or a line of text: a question without an answer."""
    asked_for = text_of(row, "instruction", "prompt", "question", "text")
    question = asked(asked_for, text_of(row, "input", missing=""))
    given = identity(name, row, question.content, question.context or "")
    return [Dialogue(id=given, source=name, messages=(question,))]
