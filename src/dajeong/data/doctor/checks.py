"""Checks that look at one record: what a text must not hold, or lacks. Knows no file and no count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from dajeong.data.clean import answers_of, is_empty, prompt_of, without_suffix
from dajeong.data.doctor.finding import Severity
from dajeong.data.filters.broken import looks_misread
from dajeong.data.filters.filter import texts_of
from dajeong.data.terms import may_be_passed_on
from dajeong.records import Preference, Record

END_MARKERS = ("<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "</s>", "[EOS]", "<eos>")
_END = re.compile("|".join(map(re.escape, END_MARKERS)))
_TEMPLATE = re.compile(
    r"^###\s*(?:응답|답변|질문|명령어?|지시문?|입력|맥락|Response|Instruction|Input|Human|Assistant)\b\s*(?:\([^)\n]*\))?\s*:"
    r"|<\|im_start\|>|<\|start_header_id\|>|\[/?INST\]|<<SYS>>"
    r"|^(?:Human|Assistant|USER|ASSISTANT)\s*:",
    re.MULTILINE,
)
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_])(?:name\d{1,2}|(?:company|nick|affiliation|place|tel|card|account|address|social-security)"
    r"-?name\d{0,2}|(?:tel|card|account|address|social-security)-num\d{0,2})(?![A-Za-z0-9_])"
    r"|&(?:name|company-name|affiliation|address|tel-num|card-num|account-num|social-security-num|num|online-account)\d*&"
)
"""What the everyday talk of the National Institute of Korean Language puts for names, addresses, numbers."""
_MASK = re.compile(r"#@[^#\n]{0,80}#")
"""What AIHub's text ethics corpus puts for persons and groups."""
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Check(NamedTuple):
    severity: Severity
    holds: Callable[[Record], bool]


def _any_text(test: Callable[[str], object]) -> Callable[[Record], bool]:
    return lambda record: any(test(text) for text in texts_of(record))


def _empty_prompt(record: Record) -> bool:
    return any(is_empty(message.content) for message in prompt_of(record) if message.role == "user")


def _empty_answer(record: Record) -> bool:
    return not isinstance(record, Preference) and any(map(_says_nothing, answers_of(record)))


def _empty_side(record: Record) -> bool:
    return isinstance(record, Preference) and any(map(_says_nothing, answers_of(record)))


def _says_nothing(answer: str) -> bool:
    """An end marker alone is no answer."""
    return is_empty(without_suffix(answer, END_MARKERS))


def _answer_is_prompt(record: Record) -> bool:
    asked = [message.content for message in prompt_of(record) if message.role == "user"][-1:]
    return bool(asked) and asked[0] in answers_of(record)[-1:]


def _same_answers(record: Record) -> bool:
    """Two ranks hold the same words, so that one side teaches the opposite of the other."""
    if not isinstance(record, Preference):
        return False
    texts = [response.content for response in record.responses]
    return any(texts[better] == texts[worse] and texts[better] for better, worse in record.pairs())


def _tie(record: Record) -> bool:
    return isinstance(record, Preference) and not record.pairs()


CHECKS: dict[str, Check] = {
    "empty-side": Check("blocking", _empty_side),
    "empty-answer": Check("warning", _empty_answer),
    "empty-prompt": Check("warning", _empty_prompt),
    "same-answers": Check("warning", _same_answers),
    "answer-is-prompt": Check("warning", _answer_is_prompt),
    "tie": Check("note", _tie),
    "end-marker": Check("warning", _any_text(_END.search)),
    "template-marker": Check("warning", _any_text(_TEMPLATE.search)),
    "placeholder": Check("warning", _any_text(_PLACEHOLDER.search)),
    "mask": Check("warning", _any_text(_MASK.search)),
    "mojibake": Check("warning", _any_text(looks_misread)),
    "replacement-character": Check("warning", _any_text(lambda text: "\ufffd" in text)),
    "decomposed": Check("note", _any_text(lambda text: not unicodedata.is_normalized("NFC", text))),
    "invisible": Check("note", _any_text(_INVISIBLE.search)),
    "restricted-licence": Check(
        "note", lambda record: bool(record.licence) and not may_be_passed_on(record.licence)
    ),
    "no-licence": Check("warning", lambda record: not record.licence),
}
"""Code → what is looked for in every record."""
