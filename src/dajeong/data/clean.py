"""Whether a record is good enough to learn from, and small repairs that change no word. Knows no file.

A repair is counted, a drop has the name of its rule; nothing here is silent.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from dajeong.data.filters.digests import Digests, digest_of
from dajeong.data.settings import ReadSettings, Repeats
from dajeong.records import Dialogue, Message, Preference, Record

_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Hangul fillers: letters by their class, but nothing is to be seen of them."""


def is_empty(text: str) -> bool:
    """Whether nothing can be seen: white space, zero-width and control characters only."""
    return not any(_is_visible(character) for character in text)


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" and character not in _FILLERS


def num_characters(text: str) -> int:
    """Characters without white space: what VAIV's length filter counts."""
    return len("".join(text.split()))


def tidied(record: Record, end_markers: Sequence[str], changes: Counter[str]) -> Record:
    """The record with NFC text, no end marker spelled out behind an answer, no white space around texts."""

    def tidy(text: str, is_answer: bool) -> str:
        composed = unicodedata.normalize("NFC", text)
        bare = without_suffix(composed, end_markers) if is_answer else composed
        trimmed = bare.strip()
        changes["nfc"] += composed != text
        changes["end-marker"] += bare != composed
        changes["trimmed"] += trimmed != bare
        return trimmed

    return with_texts(record, tidy)


def without_suffix(text: str, markers: Sequence[str]) -> str:
    """The text before the end markers it closes with, were there several; a marker inside stays."""
    while True:
        bare = text.rstrip()
        found = next((marker for marker in markers if marker and bare.endswith(marker)), None)
        if found is None:
            return text
        text = bare.removesuffix(found)


Change = Callable[[str, bool], str]
"""A text and whether it is an answer → the text to stand there."""


def with_texts(record: Record, change: Change) -> Record:
    """The record with every text changed; itself where that changes nothing."""
    if isinstance(record, Preference):
        update: dict[str, object] = {
            "prompt": tuple(_changed(message, change) for message in record.prompt),
            "responses": tuple(
                response.model_copy(update={"content": change(response.content, True)})
                for response in record.responses
            ),
        }
    else:
        update = {"messages": tuple(_changed(message, change) for message in cast(Dialogue, record).messages)}
    same = all(getattr(record, field) == value for field, value in update.items())
    return record if same else record.model_copy(update=update)


def _changed(message: Message, change: Change) -> Message:
    content = change(message.content, message.role == "assistant")
    context = (change(message.context, False) or None) if message.context else None
    if content == message.content and context == message.context:
        return message  # a copy costs more than all that is looked at here
    return message.model_copy(update={"content": content, "context": context})


def prompt_of(record: Record) -> tuple[Message, ...]:
    """What is asked: everything before the last answer."""
    if isinstance(record, Preference):
        return record.prompt
    messages = cast(Dialogue, record).messages
    return messages if messages[-1].role == "user" else messages[:-1]


def answers_of(record: Record) -> list[str]:
    """What is learned from: every response, or every assistant turn."""
    if isinstance(record, Preference):
        return [response.content for response in record.responses]
    return [message.content for message in cast(Dialogue, record).messages if message.role == "assistant"]


def _empty_prompt(record: Record, settings: ReadSettings) -> bool:
    return any(is_empty(message.content) for message in prompt_of(record) if message.role == "user")


def _empty_answer(record: Record, settings: ReadSettings) -> bool:
    return any(is_empty(answer) for answer in answers_of(record))


def _same_answers(record: Record, settings: ReadSettings) -> bool:
    """Two ranks that hold the same words teach nothing."""
    if not isinstance(record, Preference):
        return False
    return any(
        record.responses[better].content == record.responses[worse].content
        for better, worse in record.pairs()
    )


def _answer_is_prompt(record: Record, settings: ReadSettings) -> bool:
    asked = [message.content for message in prompt_of(record) if message.role == "user"]
    return bool(asked) and any(answer == asked[-1] for answer in answers_of(record)[-1:])


def _short_prompt(record: Record, settings: ReadSettings) -> bool:
    asked = [message.content for message in prompt_of(record) if message.role == "user"]
    return bool(asked) and num_characters(asked[-1]) < settings.min_prompt_characters


def _short_answer(record: Record, settings: ReadSettings) -> bool:
    return any(num_characters(answer) < settings.min_answer_characters for answer in answers_of(record))


Rule = Callable[[Record, ReadSettings], bool]

RULES: dict[str, Rule] = {
    "empty-prompt": _empty_prompt,
    "empty-answer": _empty_answer,
    "same-answers": _same_answers,
    "answer-is-prompt": _answer_is_prompt,
    "short-prompt": _short_prompt,
    "short-answer": _short_answer,
}
"""Name → whether the record must go; the first that says so names the drop."""


def why_dropped(record: Record, settings: ReadSettings) -> str | None:
    """The rule a record breaks; None keeps it."""
    return next((name for name, breaks in RULES.items() if breaks(record, settings)), None)


class Seen:
    """What came before: some 20 bytes a record."""

    def __init__(self) -> None:
        self._digests = Digests()

    def before(self, record: Record, what: Repeats) -> bool:
        """Whether the same prompt, first exchange or record was asked about already."""
        return not self._digests.add(digest_of("\x1e".join(_compared(record, what)).encode("utf-8")))


def _compared(record: Record, what: Repeats) -> list[str]:
    if what == "exchange" and isinstance(record, Dialogue):
        talk = [message for message in record.messages if message.role != "system"]
        return _spelled(talk[:2])
    asked = _spelled(prompt_of(record))
    return asked if what == "prompt" else [*asked, "", *answers_of(record)]


def _spelled(messages: Sequence[Message]) -> list[str]:
    return [f"{message.role}\x1f{message.content}\x1f{message.context or ''}" for message in messages]


class Ids:
    """Ids given so far. A second record of one id gets a number behind it."""

    def __init__(self) -> None:
        self._given = Digests()
        self._numbers: dict[str, int] = {}

    def free(self, wanted: str) -> str:
        """The id itself, or the first of `id#2`, `id#3`… that nobody has."""
        identity = wanted
        while not self._given.add(digest_of(identity.encode("utf-8"))):
            self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            identity = f"{wanted}#{self._numbers[wanted]}"
        return identity
