"""Records as texts to be translated, and what is written into a record of its translation. Asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dajeong.data.clean import prompt_of, with_texts
from dajeong.data.reserved import reserved_for
from dajeong.records import Record, last_user_text
from dajeong.synthesis.mask import masked, without_marks
from dajeong.synthesis.translate_settings import TranslateSettings
from dajeong.synthesis.translate_texts import Text


def texts_of(record: Record, settings: TranslateSettings) -> list[Text]:
    """Every text of a record, in the order in which `with_texts` changes them."""
    question = last_user_text(prompt_of(record))
    context = without_marks(masked(question).text)
    with_context = settings.service is not None if settings.context is None else settings.context
    found: list[Text] = []

    def take(text: str, is_answer: bool) -> str:
        register = settings.answer_register if is_answer else settings.question_register
        found.append(Text(text, register, context if with_context and text != question else ""))
        return text

    with_texts(record, take)
    return found


def marked(record: Record) -> Record:
    """With the evaluation set it belongs to written into it: in Korean nobody would know it again."""
    belongs_to = reserved_for(record)
    if belongs_to is None:
        return record
    return record.model_copy(update={"meta": {**record.meta, "evaluation": belongs_to}})


def with_note(record: Record, note: Mapping[str, Any]) -> Record:
    """With what is to be known of its translation."""
    return record.model_copy(update={"meta": {**record.meta, "translation": dict(note)}})


def all_texts(record: Record) -> str:
    """All its texts, for people."""
    texts: list[str] = []

    def take(text: str, is_answer: bool) -> str:
        texts.append(text)
        return text

    with_texts(record, take)
    return "\n\n".join(texts)
