"""Every filter by the name of its part in a recipe, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.data.filters.broken import BrokenText
from dajeong.data.filters.cosine import CosineDuplicates
from dajeong.data.filters.decontamination import Decontamination
from dajeong.data.filters.duplicates import Duplicates, Overlap
from dajeong.data.filters.filter import Filter
from dajeong.data.filters.lengths import Lengths
from dajeong.data.filters.near_duplicates import NearDuplicates
from dajeong.data.filters.paraphrases import Paraphrases
from dajeong.data.filters.personal_filter import PersonalData
from dajeong.data.filters.refusals import Refusals
from dajeong.data.filters.settings import CleanSettings
from dajeong.data.filters.speech_filter import Speech
from dajeong.records import Record


class Given(NamedTuple):
    """What a filter may need beside its settings."""

    scratch: Path
    """A folder for what does not fit into memory."""
    against: Callable[[], Iterable[Record]]
    """The records of the step's `against`, read anew at each call."""


FILTERS: dict[str, Callable[[Any, Given], Filter]] = {
    "text": lambda settings, given: BrokenText(settings),
    "personal": lambda settings, given: PersonalData(settings),
    "lengths": lambda settings, given: Lengths(settings),
    "refusals": lambda settings, given: Refusals(settings),
    "decontamination": lambda settings, given: Decontamination(settings, given.against()),
    "overlap": lambda settings, given: Overlap(given.against()),
    "duplicates": lambda settings, given: Duplicates(settings),
    "near_duplicates": lambda settings, given: NearDuplicates(settings, given.scratch),
    "paraphrases": lambda settings, given: Paraphrases(settings),
    "cosine": lambda settings, given: CosineDuplicates(settings, given.scratch),
    "speech": lambda settings, given: Speech(settings, given.scratch),
}
"""Shares of registers come last: they are shares of what is left."""


def chosen_filters(settings: CleanSettings, given: Given) -> Iterator[tuple[str, Filter]]:
    for name, make in FILTERS.items():
        part = getattr(settings, name)
        if part is not None:
            yield name, make(part, given)
