"""Length limits by kind: one floor for all would delete everyday talk. White space is not counted."""

from __future__ import annotations

from dajeong.data.clean import answers_of, num_characters
from dajeong.data.filters.filter import asked, texts_of
from dajeong.data.filters.settings import LengthSettings
from dajeong.records import Record


class Lengths:
    def __init__(self, settings: LengthSettings) -> None:
        self._settings = settings

    def why_not(self, record: Record) -> str | None:
        settings = self._settings
        floor = settings.prompt.get(record.kind, settings.min_prompt)
        if floor and (found := num_characters(asked(record))) < floor:
            return f"short-prompt: {found} < {floor}"
        floor = settings.answer.get(record.kind, settings.min_answer)
        shortest = min(map(num_characters, answers_of(record)), default=floor) if floor else 0
        if shortest < floor:
            return f"short-answer: {shortest} < {floor}"
        if settings.max_characters is None:
            return None
        total = sum(map(num_characters, texts_of(record)))
        return f"long: {total} > {settings.max_characters}" if total > settings.max_characters else None
