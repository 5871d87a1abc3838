"""What a raw row holds under which name: texts, messages, ids. Knows no source; raises `Bad`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.data.rows import Bad
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, content_id
from dajeong.templates import check_roles

RawRow = Mapping[str, Any]

NO_INPUT = frozenset({"", "<noinput>", "<no input>", "none", "n/a", "없음"})
"""What stands in an `input` that holds nothing, in lower case: null and no such key aside."""


def present(row: RawRow, *names: str) -> tuple[str, Any]:
    """The first of `names` that the row has."""
    for name in names:
        if name in row:
            return name, row[name]
    columns = ", ".join(str(column) for column in row)[:100] or "–"
    raise Bad("row-field", field=" / ".join(names), columns=columns)


def text_of(row: RawRow, *names: str, missing: str | None = None) -> str:
    """The text of the first of `names`; `missing` stands for null or no such key, where it is given."""
    if missing is not None and all(row.get(name) is None for name in names):
        return missing
    named = [name for name in names if row.get(name) is not None]
    name, value = present(row, *(named or names))
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    return value


def context_of(row: RawRow, *names: str) -> str:
    """The material a request is about; the empty string for every way to say there is none."""
    context = text_of(row, *names, missing="")
    return "" if context.strip().lower() in NO_INPUT else context


def list_of(row: RawRow, *names: str) -> list[RawRow]:
    """A list of objects."""
    name, value = present(row, *names)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong_type(name, value, "a list of objects")
    return value


def wrong_type(field: str, value: Any, expected: str) -> Bad:
    return Bad("row-type", field=field, found=type(value).__name__, expected=expected)


def identity(name: str, row: RawRow, *texts: str) -> str:
    """`source:id` as the row gives it, else a hash of its texts."""
    given = row.get("id")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    usable = is_number or (isinstance(given, str) and given.strip())
    return f"{name}:{given}" if usable else content_id(name, *texts)


_ROLES: dict[str, Any] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "bot": "assistant",
    "model": "assistant",
}


def as_messages(value: Any) -> tuple[Message, ...]:
    """Turns in whatever order."""
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise wrong_type("messages", value, "a list of messages")
    return tuple(_message(turn) for turn in value)


def _message(turn: RawRow) -> Message:
    role = text_of(turn, "role", "from")
    if role.lower() not in _ROLES:
        raise Bad("row-role", role=role[:40], known=", ".join(_ROLES))
    content, context = text_of(turn, "content", "value"), text_of(turn, "context", missing="")
    return Message(role=_ROLES[role.lower()], content=content, context=context or None)


def messages_of(value: Any) -> tuple[Message, ...]:
    """Turns in an order that can be learned from."""
    messages = as_messages(value)
    check_order(messages)
    return messages


def check_order(messages: Sequence[Message]) -> None:
    try:
        check_roles(messages, "")
    except DataProblem as problem:
        raise Bad("row-roles", roles=problem.parameters["roles"]) from problem


def asked(instruction: str, context: str = "") -> Message:
    """Some rows put the whole question into `input`; then it is the instruction."""
    if not instruction.strip():
        return Message(role="user", content=context)
    return Message(role="user", content=instruction, context=context if context.strip() else None)


def exchange(name: str, row: RawRow, question: Message, answer: str, **more: Any) -> Dialogue:
    """One question and its answer."""
    given = identity(name, row, question.content, question.context or "", answer)
    messages = (question, Message(role="assistant", content=answer))
    return Dialogue(id=given, source=name, messages=messages, **more)
