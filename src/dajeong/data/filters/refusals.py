"""Drops answers that decline, preach, or say "AI 언어 모델로서". Knows no wording of its own but that one."""

from __future__ import annotations

import re

from dajeong.data import refusal
from dajeong.data.clean import answers_of
from dajeong.data.filters.settings import RefusalSettings
from dajeong.records import Record

SPEAKS_AS_MODEL = re.compile(
    r"(?:(?:AI|인공 ?지능)(?: ?언어)?(?: ?(?:모델|챗봇|비서|어시스턴트))?|언어 ?모델)"
    r"(?:으?로서|으?로써|이?라서|이므로|이기 때문)"
    r"|(?<![a-z])as an? (?:(?:AI|artificial intelligence|large) )?language model(?![a-z])"
    r"|(?<![a-z])as an AI(?![a-z])",
    re.IGNORECASE,
)


class Refusals:
    def __init__(self, settings: RefusalSettings) -> None:
        self._settings = settings

    def why_not(self, record: Record) -> str | None:
        if record.kind in self._settings.keep_kinds:
            return None
        found = (self._found(answer) for answer in answers_of(record))
        return next((f"refusal: {each}" for each in found if each), None)

    def _found(self, answer: str) -> str | None:
        wanted = self._settings.find
        if "model" in wanted and SPEAKS_AS_MODEL.search(answer):
            return "model"
        return next((finding for finding in sorted(refusal.findings(answer)) if finding in wanted), None)
