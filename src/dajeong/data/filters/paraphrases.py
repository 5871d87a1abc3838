"""Drops a question that asks what a kept one asked, in other words: ROUGE-L F1 over what carries meaning.

Units are content morphemes (kiwipiepy), or syllables without the ending of a request. Particles and endings
are noise: over all morphemes, different requests look alike. `rouge_score` finds no token in Korean
and passes everything. ROUGE-L's F1 equals rapidfuzz's normalised Indel similarity.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dajeong.data.filters.duplicates import chunks
from dajeong.data.filters.filter import Dropped, asked
from dajeong.data.filters.morphemes import content_morphemes, installed
from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.records import Record

_AT_ONCE = 256
_PRIVATE = 0x110000 - 0xE000
"""Characters above the surrogates; were there more units, two would share one."""
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
            self._characters[unit] = chr(0xE000 + len(self._characters) % _PRIVATE)
        return self._characters[unit]


class Match(NamedTuple):
    """The text most alike."""

    score: float
    place: int
    """When it was kept, from 0."""


class Distinct:
    """Texts no two of which are alike. Compares only those that share enough units, whatever their order.

    A common subsequence is no longer than what two texts have in common, each unit as often as in both.
    """

    def __init__(self, settings: ParaphraseSettings) -> None:
        self._least = settings.least
        self._units = Units(settings)
        self._kept: list[str] = []
        self._lengths = array("I")
        self._places: dict[tuple[str, int], array[int]] = {}
        """(unit, its number among equal ones of a text) → the kept texts that have it."""

    @property
    def unit(self) -> str:
        """What is compared: `morphemes` or `syllables`."""
        return "morphemes" if self._units.morphemes else "syllables"

    def offer(self, texts: Sequence[str]) -> list[Match | None]:
        """Each in turn: the kept text that it is too much like, or None, and then it is kept itself."""
        found: list[Match | None] = []
        for units in self._units.of(texts):
            match = self._nearest(units, self._least)
            found.append(match)
            if match is None:
                self._keep(units)
        return found

    def add(self, text: str) -> None:
        """Kept whatever it is like."""
        self._keep(self._units.of([text])[0])

    def nearest(self, text: str, least: float | None = None) -> Match | None:
        """The kept text most like this one, if it is so by `least` or more; keeps nothing."""
        return self._nearest(self._units.of([text])[0], self._least if least is None else least)

    def _keep(self, units: str) -> None:
        for unit in _numbered(units):
            self._places.setdefault(unit, array("I")).append(len(self._kept))
        self._kept.append(units)
        self._lengths.append(len(units))

    def _nearest(self, units: str, least: float) -> Match | None:
        from rapidfuzz import process
        from rapidfuzz.distance import Indel

        places = self._possible(units, least)
        kept = [self._kept[place] for place in places]
        found = process.extractOne(units, kept, scorer=Indel.normalized_similarity, score_cutoff=least)
        return Match(float(found[1]), int(places[found[2]])) if found else None

    def _possible(self, units: str, least: float) -> npt.NDArray[np.int64]:
        """Kept texts that share as many units as an F1 of `least` takes; nothing is like no text.

        The commonest units are left uncounted, as if every text had them: they tell little and cost most. No
        more than half of the fewest that must be shared, so that those alone make nothing alike.
        """
        sharing = sorted(filter(None, map(self._places.get, _numbered(units))), key=len)
        num_left_out = math.floor(len(units) * least / (2 - least) / 2)
        counted = sharing[: max(0, len(sharing) - num_left_out)]
        if not counted:
            return np.arange(0)
        shared = np.bincount(np.concatenate([np.frombuffer(each, np.uintc) for each in counted]))
        lengths = np.frombuffer(self._lengths, np.uintc)[: len(shared)]
        needed = least * (len(units) + lengths) / 2 - (len(sharing) - len(counted))
        return np.flatnonzero(shared >= needed - 1e-9)


def _numbered(units: str) -> Iterator[tuple[str, int]]:
    """Each unit with its number among equal ones before it: as a set, these hold how often each comes."""
    seen: Counter[str] = Counter()
    for unit in units:
        yield unit, seen[unit]
        seen[unit] += 1


class Paraphrases:
    def __init__(self, settings: ParaphraseSettings) -> None:
        self._kept = Distinct(settings)

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        ids: list[str] = []
        for chunk in chunks(records, _AT_ONCE):
            matches = self._kept.offer([asked(each) for each in chunk])
            for record, match in zip(chunk, matches, strict=True):
                if match is not None:
                    yield Dropped(record, f"paraphrase: {match.score:.2f} of {ids[match.place]}")
                    continue
                ids.append(record.id)
                yield record
