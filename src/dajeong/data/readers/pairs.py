"""Corpora of preferences: a prompt, a better and a worse answer. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dajeong.data.readers.conversations import conversation
from dajeong.data.readers.fields import (
    RawRow,
    as_messages,
    asked,
    check_order,
    exchange,
    identity,
    messages_of,
    present,
    text_of,
    wrong_type,
)
from dajeong.data.rows import Bad
from dajeong.records import Dialogue, Message, Preference, Record, Response

SIDES = ("chosen", "rejected")


def preference(name: str, row: RawRow) -> list[Record]:
    """`{prompt?, chosen, rejected}`, each text or messages; else the prompt is what both sides begin with."""
    sides = [present(row, side)[1] for side in SIDES]
    key = next((key for key in ("prompt", "instruction", "question") if row.get(key) is not None), None)
    if key is None:
        return [pair(name, row, *_split_sides([messages_of(side) for side in sides]))]
    answers = [_answer(field, side) for field, side in zip(SIDES, sides, strict=True)]
    return [pair(name, row, _prompt(key, row[key]), answers)]


def pair(name: str, row: RawRow, prompt: Sequence[Message], answers: Sequence[str]) -> Preference:
    """Answers best first."""
    check_order([*prompt, Message(role="assistant", content=answers[0])])
    return Preference(
        id=identity(name, row, *(message.content for message in prompt), *answers),
        source=name,
        prompt=tuple(prompt),
        responses=tuple(Response(content=answer) for answer in answers),
        ranking=tuple((index,) for index in range(len(answers))),
        labelled_by=str(row.get("labelled_by") or f"source:{name}"),
    )


def _prompt(key: str, value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (asked(value),)
    if isinstance(value, list):
        return messages_of(value)
    raise wrong_type(key, value, "text or messages")


def _answer(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return as_messages(value)[-1].content
    raise wrong_type(key, value, "text or messages")


def _split_sides(sides: Sequence[tuple[Message, ...]]) -> tuple[tuple[Message, ...], list[str]]:
    prompts = [side[:-1] for side in sides]
    if not prompts[0] or prompts[0] != prompts[1] or any(side[-1].role != "assistant" for side in sides):
        raise Bad("row-sides")
    return prompts[0], [side[-1].content for side in sides]


def trl(name: str, row: RawRow) -> list[Record]:
    """What TRL's trainers take: preference, `messages`, or prompt and completion, as text or as messages."""
    if "chosen" in row or "rejected" in row:
        return preference(name, row)
    if "completion" not in row:
        return conversation(name, row)
    if "label" in row:
        raise Bad("row-unpaired")
    prompt = _prompt(*present(row, "prompt"))
    answer = _answer("completion", row["completion"])
    if len(prompt) == 1:
        return [exchange(name, row, prompt[0], answer)]
    messages = (*prompt, Message(role="assistant", content=answer))
    check_order(messages)
    texts = [message.content for message in messages]
    return [Dialogue(id=identity(name, row, *texts), source=name, messages=messages)]


_TURN = re.compile(r"^[^\S\n]*(Human|Assistant):[^\S\n]*", re.MULTILINE)
_SPEAKERS: dict[str, Any] = {"Human": "user", "Assistant": "assistant"}


def rlhf_reward(name: str, row: RawRow) -> list[Record]:
    """rlhf-reward-datasets: turns are marked at the beginning of a line; "Assistant:" within one is a word.

    Without a `prompt` both sides are whole conversations, as in Anthropic's HH.
    """
    sides = [text_of(row, side) for side in SIDES]
    if "prompt" in row:
        prompt = _turns("prompt", text_of(row, "prompt"))
        if prompt and prompt[-1].role == "assistant" and not prompt[-1].content.strip():
            prompt = prompt[:-1]
        answers = [re.sub(r"\A\s*Assistant:[^\S\n]*", "", side) for side in sides]
    else:
        prompt, answers = _split_sides([tuple(_turns(*each)) for each in zip(SIDES, sides, strict=True)])
    return [pair(name, row, prompt, answers)]


def _turns(field: str, text: str) -> tuple[Message, ...]:
    """The turns of one text; a text without any mark is one question, as in the translated prompts."""
    before, *parts = _TURN.split(text)
    if not parts:
        return (asked(text.strip()),)
    if before.strip():
        raise Bad("row-form", field=field, form="Human: … Assistant: …")
    return tuple(
        Message(role=_SPEAKERS[speaker], content=said.strip())
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    )
