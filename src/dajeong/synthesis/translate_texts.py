"""Texts in, translations or reasons out: masked, asked for, checked, asked for again, cut up, put together.

Knows no record and no service. Nothing leaves here with a mark lost, doubled or moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dajeong.progress import Bar
from dajeong.remote.request import Failure
from dajeong.synthesis import mask
from dajeong.synthesis.letters import hangul_share
from dajeong.synthesis.mask import Masked, without_marks
from dajeong.synthesis.translate_checks import Pair, problems
from dajeong.synthesis.translate_engine import Done, Engine, Task
from dajeong.synthesis.translate_settings import TranslateSettings, WantedRegister

KOREAN = 0.5
"""Share of Hangul from which on a text is taken for Korean and left alone."""
_HELPED_BY_CUTTING = {"mask", "newlines", "cut", "too-long-prompt"}


class Text(NamedTuple):
    """A text of a record; equal ones are translated once."""

    source: str
    register: WantedRegister = "any"
    context: str = ""


class Rendered(NamedTuple):
    text: str
    flags: tuple[str, ...] = ()
    """Checks that it does not pass and that drop nothing; `segments` where it had to be cut up."""


class Unfit(NamedTuple):
    """No translation, and why."""

    rule: str
    detail: str
    text: str
    """What came instead, marks and all."""


@dataclass
class _Attempts:
    """One text under way."""

    text: Text
    masked: Masked
    faults: dict[str, str] = field(default_factory=dict)
    """Of the last attempt."""
    last: str = ""
    good: tuple[str, dict[str, str]] | None = None
    """The first translation whose faults drop nothing, with these."""

    @property
    def is_done(self) -> bool:
        return self.good is not None and not self.good[1]


def rendered(
    texts: Sequence[Text], engine: Engine, settings: TranslateSettings, bar: Bar
) -> dict[Text, Rendered | Unfit]:
    """The translation of every text, or why there is none."""
    found: dict[Text, Rendered | Unfit] = {}
    attempts: list[_Attempts] = []
    for text in dict.fromkeys(texts):
        begun = _begun(text)
        if isinstance(begun, Rendered):
            found[text] = begun
        else:
            attempts.append(begun)
    for number in range(settings.tries if engine.hears_faults else 1):
        _try_whole([each for each in attempts if not each.is_done], number, engine, settings, bar)
    cut = [each for each in attempts if each.good is None and each.faults.keys() & _HELPED_BY_CUTTING]
    in_segments = _try_segments(cut, engine, settings, bar)
    for each in attempts:
        found[each.text] = _ended(each, each.text in in_segments)
    return found


def first_tasks(texts: Sequence[Text]) -> list[Task]:
    """What is asked for first, which most texts pass with; for what it will cost."""
    begun = [_begun(text) for text in dict.fromkeys(texts)]
    return [_task(each, 0) for each in begun if isinstance(each, _Attempts)]


def _begun(text: Text) -> _Attempts | Rendered:
    """A text masked and ready; one without words, or in Korean, stays as it is."""
    masked = mask.masked(text.source.strip())
    if masked.is_empty:
        return Rendered(text.source)
    if hangul_share(without_marks(masked.text)) > KOREAN:
        return Rendered(text.source, ("already-korean",))
    return _Attempts(text, masked)


def _task(each: _Attempts, number: int) -> Task:
    return Task(each.masked.text, each.text.register, each.text.context, number, tuple(sorted(each.faults)))


def _try_whole(
    attempts: Sequence[_Attempts], number: int, engine: Engine, settings: TranslateSettings, bar: Bar
) -> None:
    tasks = [_task(each, number) for each in attempts]
    for each, outcome in zip(attempts, engine.translated(tasks, bar), strict=True):
        _take(each, outcome, settings)


def _take(each: _Attempts, outcome: Done | Failure, settings: TranslateSettings) -> None:
    """Judge what came, and keep it if nothing about it drops it."""
    if isinstance(outcome, Failure):
        each.faults, each.last = {outcome.code: outcome.detail}, ""
        return
    each.last = outcome.text.strip()
    each.faults = faults_of(each.masked, each.last, each.text.register, is_cut=outcome.is_cut)
    if not each.faults.keys() & {"mask", "cut", *settings.drop} and (each.good is None or not each.faults):
        each.good = (each.last, each.faults)


def faults_of(
    source: Masked, target: str, register: WantedRegister, *, is_cut: bool = False
) -> dict[str, str]:
    """Everything that is wrong with a translation, marks first."""
    found: dict[str, str] = {}
    marks = mask.fault(target, len(source.spans))
    if marks:
        found["mask"] = marks
    if is_cut:
        found["cut"] = "longest length reached"
    return found | dict(problems(Pair(without_marks(source.text), without_marks(target), register)))


def _try_segments(
    attempts: Sequence[_Attempts], engine: Engine, settings: TranslateSettings, bar: Bar
) -> set[Text]:
    """Translate what stands between marks and line ends by itself, which moves neither; what was tried."""
    parts = {each.text: mask.segments(each.masked.text) for each in attempts}
    tasks = {
        (each.text, part): Task(part.strip(), each.text.register, without_marks(each.masked.text))
        for each in attempts
        for part in parts[each.text]
        if not mask.is_segment_kept(part)
    }
    done = dict(zip(tasks, engine.translated(list(tasks.values()), bar), strict=True)) if tasks else {}
    for each in attempts:
        own = {part: done.get((each.text, part)) for part in parts[each.text]}
        _take(each, _together(parts[each.text], own), settings)
    return set(parts)


def _together(parts: Sequence[str], done: Mapping[str, Done | Failure | None]) -> Done | Failure:
    """The segments side by side, each with the white space that stood around it."""
    written: list[str] = []
    for part in parts:
        outcome = done[part]
        if isinstance(outcome, Failure):
            return outcome
        if outcome is None:
            written.append(part)
            continue
        lead = part[: len(part) - len(part.lstrip())]
        trail = part[len(part.rstrip()) :]
        written.append(f"{lead}{' '.join(outcome.text.split())}{trail}")
    return Done("".join(written), any(isinstance(each, Done) and each.is_cut for each in done.values()))


def _ended(each: _Attempts, in_segments: bool) -> Rendered | Unfit:
    if each.good is None:
        rule, detail = next(iter(each.faults.items()), ("empty", ""))
        return Unfit(rule, detail, each.last)
    target, faults = each.good
    source = each.text.source
    lead, trail = source[: len(source) - len(source.lstrip())], source[len(source.rstrip()) :]
    whole = lead + mask.restored(target, each.masked.spans) + trail
    assert mask.holds_in_order(whole, each.masked.spans), "a mask was lost after it was checked"
    return Rendered(whole, (*sorted(faults), *(["segments"] if in_segments else [])))
