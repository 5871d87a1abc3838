"""Records as rows that other trainers read: Alpaca, messages, TRL, ShareGPT. Knows no file and no licence.

A shape that cannot hold all of a record does not take it: nothing is cut to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from dajeong.records import Dialogue, Message, Preference, Record

Row = dict[str, Any]


class Unfit(Exception):
    """Why a shape cannot hold a record, as one word of `messages`' codes `unfit-…`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def alpaca(record: Record) -> list[Row]:
    """`{instruction, input, output}`: one question, one answer."""
    messages = _dialogue(record).messages
    if messages[-1].role != "assistant":
        raise Unfit("no-answer")
    if messages[0].role == "system":
        raise Unfit("system")
    if len(messages) != 2:
        raise Unfit("many-turns")
    asked, answer = messages
    return [
        _row(record, instruction=asked.content, input=asked.context or "", output=answer.content),
    ]


def messages(record: Record) -> list[Row]:
    """`{messages: [{role, content}]}`; a context stands below its request."""
    return [_row(record, messages=_turns(_dialogue(record).messages))]


def trl(record: Record) -> list[Row]:
    """TRL's conversational form: `{prompt, chosen, rejected}`, `{prompt, completion}`, or `{prompt}`.

    A ranking of several gives every pair it implies.
    """
    if not isinstance(record, Preference):
        said = _dialogue(record).messages
        if record_is_prompt(said):
            return [_row(record, prompt=_turns(said))]
        return [_row(record, prompt=_turns(said[:-1]), completion=_turns(said[-1:]))]
    pairs = record.pairs()
    if not pairs:
        raise Unfit("tie")
    rows = []
    for better, worse in pairs:
        sides = {"chosen": _answer(record, better), "rejected": _answer(record, worse)}
        row = _row(record, prompt=_turns(record.prompt), **sides, labelled_by=record.labelled_by)
        rows.append({**row, "id": f"{record.id}.{better}-{worse}"} if len(pairs) > 1 else row)
    return rows


def record_is_prompt(said: Sequence[Message]) -> bool:
    return said[-1].role != "assistant"


def sharegpt(record: Record) -> list[Row]:
    """`{conversations: [{from, value}]}`."""
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    turns = [
        {"from": names[message.role], "value": in_one(message)} for message in _dialogue(record).messages
    ]
    return [_row(record, conversations=turns)]


def _dialogue(record: Record) -> Dialogue:
    if isinstance(record, Preference):
        raise Unfit("preference")
    return cast(Dialogue, record)


def _turns(said: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": in_one(message)} for message in said]


def _answer(record: Preference, index: int) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": record.responses[index].content}]


def in_one(message: Message) -> str:
    """The text of a message with its context below it: other trainers know no context."""
    return f"{message.content}\n\n{message.context}" if message.context else message.content


def _row(record: Record, **fields: Any) -> Row:
    """Where it came from stays beside it."""
    return {
        "id": record.id,
        **fields,
        "kind": record.kind,
        "source": record.source,
        "licence": record.licence,
    }


SHAPES: Mapping[str, Callable[[Record], list[Row]]] = {
    "alpaca": alpaca,
    "messages": messages,
    "trl": trl,
    "sharegpt": sharegpt,
}
"""Name → a record as rows. Raises Unfit."""
