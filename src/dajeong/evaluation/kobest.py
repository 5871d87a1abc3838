"""The step `kobest`: every model chooses among the answers of KoBEST's five tasks, figures are made of that.

What a model said of a task is put on the disk at once: a killed step goes on with the next task.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dajeong.data import licences
from dajeong.data.kobest_tasks import NAMES, Name
from dajeong.errors import DataProblem
from dajeong.evaluation.kobest_figures import TASK, Answered, figures
from dajeong.evaluation.kobest_items import Row, rows_of, tables_in
from dajeong.evaluation.kobest_prompts import Item, Profile, items_of, tokens_apart
from dajeong.evaluation.settings import KobestSettings
from dajeong.records import Score
from dajeong.storage import digest_json, read_records, write_records
from dajeong.workplace import Workplace

if TYPE_CHECKING:
    from dajeong.progress import Bar

UNFINISHED = "unfinished"
AT_ONCE = 512
"""Items between two readings of the bar."""


class Likelihoods(Protocol):
    def log_likelihoods(self, pairs: Sequence[tuple[str, str]], apart: bool = False) -> list[float]:
        """log p(continuation | context) of every pair."""


LikelihoodsOf = Callable[[str], Likelihoods]
"""A model's reference → what tells its log-likelihoods."""


class Sheet(NamedTuple):
    """One task as it is asked, with so many examples before each question."""

    name: Name
    shots: int
    items: list[Item]
    num_examples: int

    def file(self, reference: str, profile: Profile) -> str:
        """Where a model's scores lie until all are there; what was asked otherwise lies elsewhere."""
        asked = digest_json([reference, profile, self.name, self.shots, self.items])
        return f"{UNFINISHED}/{asked[:16]}.jsonl"


def run(settings: KobestSettings, work: Workplace) -> None:
    """Writes `results` and `scores`."""
    measure(settings, work, _likelihoods_of(settings))


def measure(settings: KobestSettings, work: Workplace, likelihoods_of: LikelihoodsOf) -> None:
    sheets = list(sheets_of(settings))
    models = work.models("models")
    answered: list[Answered] = []
    scores: list[Score] = []
    with work.progress.bar("evaluating-kobest", len(models) * sum(len(each.items) for each in sheets)) as bar:
        for model, reference in models.items():
            loaded: list[Likelihoods] = []
            for sheet in sheets:
                file = work.folder / sheet.file(reference, settings.profile)
                if not file.is_file():
                    loaded = loaded or [likelihoods_of(reference)]
                    asking = Asking(model, sheet, settings)
                    write_records(file, asking.scores(loaded[0], work, bar))
                said = list(read_records(file, Score))
                answered.append(_answered(model, sheet, settings, said))
                scores += said
    work.write("scores", scores)
    work.write("results", figures(answered))
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)


def sheets_of(settings: KobestSettings) -> Iterator[Sheet]:
    """Number of examples by number of examples, task by task. Raises DataProblem where tables are missing."""
    tests = tables_in(settings.data, "test")
    names = settings.tasks or tuple(name for name in NAMES if name in tests)
    absent = [name for name in names if name not in tests]
    if absent or not names:
        raise DataProblem("kobest-no-table", data=settings.data, task=", ".join(absent) or TASK, part="test")
    train = _training_rows(settings, names)
    rows = {name: rows_of(name, tests[name]) for name in names}
    for shots in dict.fromkeys(settings.shots):
        for name in names:
            items = items_of(name, rows[name], train[name], shots, settings.profile, settings.max_records)
            if not items:
                raise DataProblem("kobest-no-table", data=tests[name], task=name, part="test")
            yield Sheet(name, shots, items, len(train[name]))


def _training_rows(settings: KobestSettings, names: Sequence[Name]) -> dict[Name, list[Row]]:
    """What examples are drawn from; none are read where none are shown."""
    most = max(settings.shots)
    if not most:
        return {name: [] for name in names}
    tables = tables_in(settings.data, "train")
    found: dict[Name, list[Row]] = {}
    for name in names:
        if name not in tables:
            raise DataProblem("kobest-no-table", data=settings.data, task=name, part="train")
        found[name] = rows_of(name, tables[name])
        if len(found[name]) < most:
            count = len(found[name])
            raise DataProblem("kobest-few-examples", path=tables[name], count=count, wanted=most)
    return found


class Asking(NamedTuple):
    """One model asked one sheet."""

    model: str
    sheet: Sheet
    settings: KobestSettings

    def scores(self, likelihoods: Likelihoods, work: Workplace, bar: Bar) -> Iterator[Score]:
        """One per choice, in the order of items and their choices."""
        items, apart = self.sheet.items, tokens_apart(self.settings.profile)
        for start in range(0, len(items), AT_ONCE):
            work.check_stop()
            some = items[start : start + AT_ONCE]
            values = iter(likelihoods.log_likelihoods([pair for item in some for pair in item.pairs], apart))
            for item in some:
                yield from (self._score(item, place, next(values)) for place in range(len(item.choices)))
            bar.advance(len(some), note=f"{self.model}, {self.sheet.name}, {self.sheet.shots}-shot")

    def _score(self, item: Item, choice: int, value: float) -> Score:
        finite = math.isfinite(value)
        return Score(
            id=f"{item.id}#{choice}/{self.sheet.shots}-shot/{self.model}",
            source="kobest",
            licence=licences.KOBEST,
            kind=self.sheet.name,
            meta={"choice": choice, "is_answer": choice == item.label},
            reply_id=f"{item.id}#{choice}",
            scorer=self.model,
            criterion="log-likelihood",
            value=value if finite else None,
            reason=None if finite else "the log-likelihood is not a finite number",
            method="exact",
            settings_hash=digest_json([self.settings.profile, self.sheet.shots])[:16],
        )


def _answered(model: str, sheet: Sheet, settings: KobestSettings, said: Sequence[Score]) -> Answered:
    values = iter([score.value for score in said])
    return Answered(
        model=model,
        decoding=f"{settings.profile}, {sheet.shots}-shot",
        name=sheet.name,
        items=sheet.items,
        log_likelihoods=[[next(values) for _ in item.choices] for item in sheet.items],
        notes=f"examples drawn from {sheet.num_examples} rows" if sheet.shots else "",
    )


def _likelihoods_of(settings: KobestSettings) -> LikelihoodsOf:
    from dajeong.models.continuations import Likelihoods as OfModel
    from dajeong.models.load import load_chat

    def likelihoods_of(reference: str) -> Likelihoods:
        chat = load_chat(reference, runtime=settings.runtime)
        return OfModel(chat.model, chat.role, chat.tokenizer, settings.tokens_per_forward)

    return likelihoods_of
