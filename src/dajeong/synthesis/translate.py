"""The step `translate`: English records become Korean ones, text by text, or are set aside with the reason.

A record is translated whole or not at all. What models are measured on stays what models are measured on. A
killed step pays for nothing twice: answers are kept in the run's `remote.sqlite`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dajeong.data.clean import prompt_of, with_texts
from dajeong.data.filters.step import records_of
from dajeong.data.terms import joint_licence
from dajeong.progress import Bar
from dajeong.records import Record
from dajeong.remote.prices import Estimate
from dajeong.synthesis.asking import CACHE
from dajeong.synthesis.harvest import Harvest, harvest
from dajeong.synthesis.translate_deepl import DeeplTranslator
from dajeong.synthesis.translate_engine import Engine, LanguageModel
from dajeong.synthesis.translate_records import all_texts, marked, texts_of, with_note
from dajeong.synthesis.translate_settings import TranslateSettings
from dajeong.synthesis.translate_texts import Rendered, Text, Unfit, first_tasks, rendered
from dajeong.synthesis.translate_wording import depends_on_wording
from dajeong.workplace import Workplace

LOOKED_AT = 2_000
"""Records from which the price of more is reckoned."""


def run(settings: TranslateSettings, work: Workplace) -> None:
    """Writes `records`, `flagged`, `rejects` and stats.json. Raises QualityProblem above `max_rejected`."""
    with harvest(work) as found, engine_of(settings, work.run / CACHE) as engine:
        translating = _Translating(settings, work, engine, found)
        work.write("records", translating.kept())
        work.write("flagged", translating.set_aside)
        found.paid(engine.cost)
        found.finish(engine.spent, set_aside=len(translating.set_aside), by=engine.name)


def estimate(settings: TranslateSettings, work: Workplace) -> Estimate:
    """What the step will cost; at most, every text is asked for `tries` times and once more in pieces.

    Of many records only some are looked at, evenly chosen: masking all of them would take minutes.
    """
    cache = work.run / CACHE
    total = min(num_records(_files(work)), settings.max_records or sys.maxsize)
    every = -(-total // LOOKED_AT) or 1
    looked_at = itertools.islice(records_of(work, "data"), 0, settings.max_records, every)
    wanted = [record for record in looked_at if not hangs_on_english(record, settings)]
    texts = [text for record in wanted for text in texts_of(record, settings)]
    with engine_of(settings, cache if cache.is_file() else None) as engine:
        found = engine.estimate(first_tasks(texts))
    return _times(found, every, settings.tries + 1 if engine.hears_faults else 2)


def _times(found: Estimate, every: int, most: int) -> Estimate:
    """For all records, where one in `every` was looked at; and `most` times as much at most."""
    low, expected, high = (
        None if dollars is None else dollars * every for dollars in (found.low, found.expected, found.high)
    )
    counts = {"requests": found.requests * every, "cached": found.cached * every}
    dollars = {"low": low, "expected": expected, "high": None if high is None else high * most}
    return found.model_copy(update={**counts, **dollars})


def hangs_on_english(record: Record, settings: TranslateSettings) -> str | None:
    """What of English its request depends on, where such requests are to be set aside."""
    return depends_on_wording(prompt_of(record)) if settings.english_only == "flag" else None


def engine_of(settings: TranslateSettings, cache: Path | None) -> Engine:
    if settings.service is not None:
        return LanguageModel(settings.service, settings, cache)
    assert settings.deepl is not None, "the settings have one of both"
    return DeeplTranslator(settings.deepl, cache)


class _Translating:
    def __init__(self, settings: TranslateSettings, work: Workplace, engine: Engine, found: Harvest) -> None:
        self.settings, self.work, self.engine, self.found = settings, work, engine, found
        self.set_aside: list[Record] = []
        """As they were: requests that depend on English wording."""

    def kept(self) -> Iterator[Record]:
        """Batch by batch: so many records are held, and under way, at once."""
        total = min(num_records(_files(self.work)), self.settings.max_records or sys.maxsize)
        records = itertools.islice(records_of(self.work, "data"), self.settings.max_records)
        with self.work.progress.bar("translating", total) as bar:
            while batch := list(itertools.islice(records, self.settings.batch_records)):
                self.work.check_stop()
                yield from self.of_batch([marked(record) for record in batch], bar)
        self.found.check(self.settings.max_rejected)

    def of_batch(self, batch: Sequence[Record], bar: Bar) -> Iterator[Record]:
        wanted = [
            (record, texts_of(record, self.settings)) for record in batch if not self.is_set_aside(record)
        ]
        texts = [text for _, of_record in wanted for text in of_record]
        part = Part(bar, len(batch), len(set(texts)))
        results = rendered(texts, self.engine, self.settings, part)
        part.end(self.engine.note())
        for record, of_record in wanted:
            made = self.made(record, [(text, results[text]) for text in of_record])
            if made is not None:
                yield made

    def is_set_aside(self, record: Record) -> bool:
        why = hangs_on_english(record, self.settings)
        if why is not None:
            self.found.flagged["english-wording"] += 1
            self.set_aside.append(with_note(record, {"english_wording": why}))
        return why is not None

    def made(self, record: Record, results: Sequence[tuple[Text, Rendered | Unfit]]) -> Record | None:
        """The record in Korean; None where one of its texts could not be had."""
        korean: list[Rendered] = []
        for text, result in results:
            if isinstance(result, Unfit):
                shown = f"{text.source}\n→ {result.text}"
                self.found.reject(record.id, result.rule, result.detail, shown)
                return None
            korean.append(result)
        flags = sorted({flag for each in korean for flag in each.flags})
        left = iter(korean)
        made = with_texts(record, lambda source, is_answer: next(left).text)
        note = {"by": self.engine.name, "flags": flags}
        licence = joint_licence(record.licence, self.settings.licence)
        named = with_note(made, note).model_copy(update={"id": f"ko:{record.id}", "licence": licence})
        self.found.keep(named.id, all_texts(record), all_texts(made), flags)
        return named


class Part:
    """The share of a bar that some records have; it moves with the texts they are made of."""

    def __init__(self, bar: Bar, num_records: int, num_texts: int) -> None:
        self._bar, self._num_records, self._num_texts = bar, num_records, max(1, num_texts)
        self._num_heard = self._moved = 0

    def advance(self, steps: int = 1, note: str = "") -> None:
        """One more answer has come, whatever `steps` says; further attempts move nothing."""
        self._num_heard += 1
        self._move(self._num_records * min(self._num_heard, self._num_texts) // self._num_texts, note)

    def end(self, note: str) -> None:
        self._move(self._num_records, note)

    def _move(self, place: int, note: str) -> None:
        self._bar.advance(place - self._moved, note=note)
        self._moved = place


def num_records(files: Iterable[Path]) -> int:
    """Lines with something on them; missing files are told when they are read."""
    count = 0
    for file in files:
        if file.is_file():
            with file.open("rb") as lines:
                count += sum(1 for line in lines if line.strip())
    return count


def _files(work: Workplace) -> list[Path]:
    return [Path(file) for file in work.inputs.get("data", ())]
