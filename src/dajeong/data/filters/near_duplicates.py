"""Drops a record that is nearly an earlier kept one: exact Jaccard index of 5-character shingles.

Up to 50,000 records no pair is missed, unless they are very long. Above, MinHash (`rensa`, where it is
installed) proposes pairs; each is still decided by its exact index.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from dajeong.data.filters.candidates import Bands, Candidates, distinct, prefix_keys
from dajeong.data.filters.duplicates import chunks
from dajeong.data.filters.filter import Dropped, asked, texts_of
from dajeong.data.filters.keys import fives_by_text
from dajeong.data.filters.settings import NearDuplicateSettings
from dajeong.data.filters.shingles import AT_ONCE, Shingles
from dajeong.data.filters.sketches import Places, Sketches
from dajeong.data.filters.spill import Spill
from dajeong.records import Record

MOST_LETTERS = 60_000_000
"""Letters up to which every pair is found: for that, keys of all texts are in memory at once."""


class Alike(NamedTuple):
    earlier: int
    jaccard: float


class NearDuplicates:
    def __init__(self, settings: NearDuplicateSettings, scratch: Path) -> None:
        self._settings, self._scratch = settings, scratch

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        spill = Spill(self._scratch / "near-duplicates.jsonl")
        with ExitStack() as opened:
            shingles = opened.enter_context(Shingles(self._scratch / "shingles.bin"))
            bands = None  # made from the start where they might be needed
            if importlib.util.find_spec("rensa") is not None:
                bands = opened.enter_context(Bands(self._scratch / "bands.bin", self._settings.least))
            self._read(spill.filled(records), shingles, bands)
            alike = self._decide(shingles, bands)
        yield from _told(spill, alike)
        spill.remove()

    def _read(self, records: Iterable[Record], shingles: Shingles, bands: Bands | None) -> None:
        """Everything to disk."""
        for texts in chunks(map(self._text, records), AT_ONCE):
            batch = shingles.add(texts)
            if bands is not None:
                bands.add(*fives_by_text(batch))

    def _text(self, record: Record) -> str:
        return asked(record) if self._settings.of == "prompt" else "\n".join(texts_of(record))

    def _decide(self, shingles: Shingles, bands: Bands | None) -> dict[int, Alike]:
        """Text → the kept earlier text it is nearly equal to."""
        least = self._settings.least
        few = len(shingles) <= self._settings.exact_up_to and shingles.num_letters <= MOST_LETTERS
        proposed = prefix_keys(shingles, least) if bands is None or few else distinct(bands.groups())
        candidates, alike = Candidates(proposed), dict[int, Alike]()
        texts, sketches = candidates.texts.tolist(), Sketches(len(candidates.texts), least)

        def stays(place: int, earlier: Places) -> bool:
            text = texts[place]
            sketches.add(place, shingles.of(text))
            for other in sketches.plausible(place, earlier).tolist():
                index = shingles.jaccard(text, texts[other])
                if index >= least:
                    alike[text] = Alike(texts[other], index)
                    return False
            return True

        candidates.decide(stays)
        return alike


def _told(records: Iterable[Record], alike: dict[int, Alike]) -> Iterator[Record | Dropped]:
    named = {each.earlier for each in alike.values()}
    ids: dict[int, str] = {}
    for index, record in enumerate(records):
        if index in named:
            ids[index] = record.id
        if index in alike:
            found = alike[index]
            yield Dropped(record, f"near-duplicate: {found.jaccard:.2f} of {ids[found.earlier]}")
        else:
            yield record
