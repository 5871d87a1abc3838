"""Drops a question that asks what a kept one asked, in other words: ROUGE-L F1 over what carries meaning.

Units are content morphemes (kiwipiepy), or syllables without the ending of a request. Particles and endings
are noise: over all morphemes, different requests look alike. `rouge_score` finds no token in Korean
and passes everything. ROUGE-L's F1 equals rapidfuzz's normalised Indel similarity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dajeong.data.filters.duplicates import chunks
from dajeong.data.filters.filter import Dropped, asked
from dajeong.data.filters.morphemes import content_morphemes, installed
from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.records import Record

_AT_ONCE = 256
_NOT_SPOKEN = re.compile(r"[\W_]+")
_ENDING = re.compile(
    r"(?:(?:하여|해|어|아|여|써|워|려|와|러|춰|쳐|내|개|봐)?"
    r"(?:주시기바랍니다|주시겠어요|주실수있나요|주실래요|주십시오|주세요|주시오|줄래요?|줘요?|보세요|보십시오|봐요?))$"
    r"|(?:하|으|시)*(?:십시오|시오|세요|라|자)$"
    r"|(?:은|는|인|던|을|할|나|한|된)?(?:가요|까요|나요|ㄴ가|인가|는가|을까|니까|습니까|입니까|니|냐|지요|죠|어요|아요|요)$"
)


def stripped_syllables(text: str) -> str:
    """The text's letters without spaces and without the ending that makes it a request or a question."""
    letters = _NOT_SPOKEN.sub("", text)
    stripped = _ENDING.sub("", letters)
    return stripped or letters


def similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """ROUGE-L F1 of two sequences of units."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(one, other))


class Units:
    """Texts as strings with one character a unit, so that they can be compared fast."""

    def __init__(self, settings: ParaphraseSettings) -> None:
        wanted = settings.unit
        self.morphemes = wanted == "morphemes" or (wanted == "auto" and installed())
        self._characters: dict[str, str] = {}

    def of(self, texts: Sequence[str]) -> list[str]:
        if not self.morphemes:
            return [stripped_syllables(text) for text in texts]
        return ["".join(map(self._character, units)) for units in content_morphemes(texts)]

    def _character(self, unit: str) -> str:
        if unit not in self._characters:
            self._characters[unit] = chr(0xE000 + len(self._characters))
        return self._characters[unit]


class Paraphrases:
    def __init__(self, settings: ParaphraseSettings) -> None:
        self._least = settings.least
        self._units = Units(settings)

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        from rapidfuzz import process
        from rapidfuzz.distance import Indel

        kept: list[str] = []
        ids: list[str] = []
        for chunk in chunks(records, _AT_ONCE):
            for record, units in zip(chunk, self._units.of([asked(each) for each in chunk]), strict=True):
                found = process.extractOne(
                    units, kept, scorer=Indel.normalized_similarity, score_cutoff=self._least
                )
                if units and found:
                    yield Dropped(record, f"paraphrase: {found[1]:.2f} of {ids[found[2]]}")
                    continue
                kept.append(units)
                ids.append(record.id)
                yield record
