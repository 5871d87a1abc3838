"""Whether a record is good enough to learn from, and small repairs that change no word. Knows no file.

A repair is counted, a drop has the name of its rule; nothing here is silent.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

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


def with_texts(record: Record, change: Callable[[str, bool], str]) -> Record:
    """The record with every text changed; `change` gets a text and whether it is an answer."""
    if isinstance(record, Preference):
        responses = [
            response.model_copy(update={"content": change(response.content, True)})
            for response in record.responses
        ]
        prompt = _with_message_texts(record.prompt, change)
        return record.model_copy(update={"prompt": prompt, "responses": tuple(responses)})
    dialogue = cast(Dialogue, record)
    return dialogue.model_copy(update={"messages": _with_message_texts(dialogue.messages, change)})


def _with_message_texts(
    messages: Sequence[Message], change: Callable[[str, bool], str]
) -> tuple[Message, ...]:
    return tuple(
        message.model_copy(
            update={
                "content": change(message.content, message.role == "assistant"),
                "context": change(message.context, False) or None if message.context else None,
            }
        )
        for message in messages
    )


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
    """What came before: 16 bytes a record."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def before(self, record: Record, what: Repeats) -> bool:
        """Whether the same prompt, or the same record, was asked about already."""
        messages = [
            f"{message.role}\x1f{message.content}\x1f{message.context or ''}" for message in prompt_of(record)
        ]
        parts = messages if what == "prompt" else [*messages, "", *answers_of(record)]
        digest = hashlib.blake2b("\x1e".join(parts).encode("utf-8"), digest_size=16).digest()
        seen = digest in self._digests
        self._digests.add(digest)
        return seen
