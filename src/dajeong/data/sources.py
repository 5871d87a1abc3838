"""The corpora that can be read: one line each, what reads a row of it and what is known of it. Reads no file.

A reader takes the source's name and one raw row and gives records. It raises `Bad` for a row it cannot
understand and gives `Left` for what a rule of the corpus leaves out; whether a record is any good is decided
by `clean`. A reader with options is a Frozen value that can be called: the recipe's `options` are its fields.
To add a source: a function or such a value in `readers/`, and its line in SOURCES.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dajeong.data import licences
from dajeong.data.files import READABLE
from dajeong.data.readers.aihub import AihubEthics
from dajeong.data.readers.columns import Columns
from dajeong.data.readers.conversations import ShareGpt, conversation
from dajeong.data.readers.fields import RawRow
from dajeong.data.readers.instructions import alpaca, dolly, evol_seeds, gpt4all, koalpaca, self_instruct
from dajeong.data.readers.kobest import kobest
from dajeong.data.readers.nikl import Nikl
from dajeong.data.readers.own import own
from dajeong.data.readers.pairs import preference, rlhf_reward, trl
from dajeong.data.readers.vaiv import VaivInstructions, VaivPreference, VaivPrompts, VaivScores
from dajeong.data.rows import Left
from dajeong.data.settings import Repeats
from dajeong.errors import UsageProblem
from dajeong.records import Frozen, Record


class Source(NamedTuple):
    records: Callable[[str, RawRow], Sequence[Record | Left]]
    """The source's name and a row → its records, licence left open. Raises Bad."""
    licence: str = ""
    repeats: Repeats = "record"
    """What of a record must not come twice, unless the recipe says otherwise."""
    evaluation: bool = False
    """Whether models are measured on it, so that it is read for nothing else."""
    files: tuple[str, ...] = READABLE
    """Suffixes of its files, where a folder or an archive is named."""

    def with_options(self, options: Mapping[str, Any]) -> Source:
        """The same source, read as the options say. Raises UsageProblem or pydantic's ValidationError."""
        if not options:
            return self
        if not isinstance(self.records, Frozen):
            raise UsageProblem("source-no-options", options=", ".join(options))
        return self._replace(records=type(self.records).model_validate({**dict(self.records), **options}))


SOURCES: dict[str, Source] = {
    "alpaca": Source(alpaca, repeats="prompt"),
    "koalpaca": Source(koalpaca, licences.ALPACA, repeats="prompt"),
    "kullm": Source(alpaca, licences.KULLM, repeats="prompt"),
    "dolly": Source(dolly, licences.DOLLY, repeats="prompt"),
    "gpt4all": Source(gpt4all, licences.OPENAI_OUTPUT, repeats="prompt"),
    "evol": Source(alpaca, licences.OPENAI_OUTPUT, repeats="prompt"),
    "evol-seeds": Source(evol_seeds, "unstated", repeats="prompt"),
    "self-instruct": Source(self_instruct, licences.APACHE),
    "messages": Source(conversation),
    "sharegpt": Source(ShareGpt(), licences.OPENAI_OUTPUT, repeats="exchange"),
    "preference": Source(preference),
    "trl": Source(trl),
    "rlhf-reward": Source(rlhf_reward, licences.RLHF_REWARD),
    "columns": Source(Columns()),
    "dajeong": Source(own),
    "nikl": Source(Nikl(), licences.NIKL, files=(".json",)),
    "aihub-ethics": Source(AihubEthics(), licences.AIHUB, repeats="prompt", files=(".json",)),
    "vaiv-sft": Source(VaivInstructions(), licences.VAIV, repeats="prompt"),
    "vaiv-preference": Source(VaivPreference(), licences.VAIV),
    "vaiv-scores": Source(VaivScores(), licences.VAIV),
    "vaiv-prompts": Source(VaivPrompts(), licences.VAIV, repeats="prompt"),
    "kobest": Source(
        kobest, licences.KOBEST, "keep", evaluation=True, files=(".tsv", ".csv", ".parquet", ".jsonl")
    ),
}


def find_source(name: str) -> Source:
    """A source by its name. Raises UsageProblem with the nearest name."""
    if name in SOURCES:
        return SOURCES[name]
    nearest = difflib.get_close_matches(name, SOURCES, n=1, cutoff=0.0)
    raise UsageProblem("source-unknown", name=name, nearest=nearest[0], known=", ".join(SOURCES))
