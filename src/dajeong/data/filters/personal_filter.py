"""Personal data in records: counted, masked, given a pseudonym, or a reason to drop. Knows no pattern."""

from __future__ import annotations

from collections import Counter

from dajeong.data.clean import with_texts
from dajeong.data.filters import personal
from dajeong.data.filters.filter import texts_of
from dajeong.data.filters.personal import Find
from dajeong.data.filters.settings import PersonalSettings
from dajeong.records import Record


class PersonalData:
    def __init__(self, settings: PersonalSettings) -> None:
        self._settings = settings

    def repaired(self, record: Record, changes: Counter[str]) -> Record:
        """Counts every find by its kind; changes the text where the mode says so."""
        counts = Counter(find.kind for text in texts_of(record) for find in self._found(text))
        changes.update({f"personal-{kind}": count for kind, count in counts.items()})
        if not counts or self._settings.mode not in ("mask", "pseudonym"):
            return record
        return with_texts(record, lambda text, _: self._replaced(text))

    def why_not(self, record: Record) -> str | None:
        if self._settings.mode != "drop":
            return None
        found = next((find for text in texts_of(record) for find in self._found(text)), None)
        return f"personal-data: {found.kind}" if found else None

    def _found(self, text: str) -> list[Find]:
        finds = personal.found_in(text, self._settings.kinds)
        if self._settings.names:
            from dajeong.data.filters.names import names_in

            finds += names_in(text)
        return finds

    def _replaced(self, text: str) -> str:
        mode, seed = self._settings.mode, self._settings.seed
        assert mode in ("mask", "pseudonym")
        return personal.replaced(text, self._found(text), mode, seed)
