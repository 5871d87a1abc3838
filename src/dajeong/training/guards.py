"""Guards of a policy: signals that it goes where its reward does not look, and when that is too far.

Most signals are compared with their first reading, when the policy still was the SFT model. Knows no loop and
no model: it is given replies and figures, and says whether the run may go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dajeong.errors import QualityProblem
from dajeong.judging.refusal import rates
from dajeong.judging.signals import signals_of
from dajeong.records import Dialogue, Reply
from dajeong.training.algorithm import Entry, State
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_settings import GuardSettings
from dajeong.workplace import Workplace

SIGNALS = (
    "repetition",
    "distinct_2",
    "characters",
    "false_refusal",
    "kl",
    "reward",
    "unended",
    "empty",
    "deviation",
)
LAST_GOOD = "last-good"
"""Folder of the last policy that was past no limit, where a guard stopped the run."""

History = Sequence[Mapping[str, float]]
"""Readings of the rollouts so far; not every signal is read at each of them."""


class Beyond(NamedTuple):
    """A signal past its limit."""

    signal: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.signal} {self.value:.3g} (guards: {self.limit:.3g})"


def beyond(history: History, settings: GuardSettings) -> list[Beyond]:
    """Signals whose last `patience` readings all lie past their limit. Pure."""
    return [found[-1] for found in _latest(history, settings) if len(found) == settings.patience]


def _latest(history: History, settings: GuardSettings) -> Iterator[list[Beyond]]:
    """Of each limit: those of the last `patience` readings that lie past it."""
    for signal in SIGNALS:
        values = [readings[signal] for readings in history if signal in readings]
        for limit, is_floor in _limits(signal, values[0], settings) if values else ():
            last = values[-settings.patience :]
            past = [value for value in last if (value < limit if is_floor else value > limit)]
            yield [Beyond(signal, value, limit) for value in past]


def _limits(signal: str, first: float, settings: GuardSettings) -> Iterator[tuple[float, bool]]:
    """(limit, whether it is a floor), from the first reading."""
    rises = {
        "repetition": settings.repetition,
        "false_refusal": settings.false_refusal,
        "unended": settings.unended,
        "empty": settings.empty,
    }
    if (rise := rises.get(signal)) is not None:
        yield first + rise, False
    if signal == "distinct_2" and settings.distinct is not None:
        yield first * settings.distinct, True
    if signal == "characters" and settings.length is not None:
        yield first * settings.length, False
        yield first / settings.length, True
    if signal == "kl" and settings.kl is not None:
        yield settings.kl, False
    if signal == "reward" and settings.reward is not None:
        yield first - settings.reward, True
    if signal == "deviation" and settings.deviation is not None:
        yield settings.deviation, True


def readings_of(texts: Sequence[str], answers: Sequence[Reply]) -> dict[str, float]:
    """`answers`: to the guards' prompts; none, and refusals are not read."""
    signals, refused = signals_of(texts), rates(answers)
    values: dict[str, Any] = {
        "repetition": signals.repetition,
        "distinct_2": signals.distinct,
        "characters": signals.length,
        "empty": sum(not text.strip() for text in texts) / len(texts),
    }
    if "false_refusal" in refused:
        values["false_refusal"] = refused["false_refusal"]
    if "true_refusal" in refused:
        values["true_refusal"] = refused["true_refusal"]
    return values


class Guards:
    """The guards of one run: what they have read, and what they have said."""

    def __init__(
        self,
        settings: GuardSettings,
        work: Workplace,
        asked: Sequence[Dialogue] = (),
        good: RoleCopy | None = None,
    ) -> None:
        """`asked`: prompts whose greedy replies show false refusals; none, and these are not read.

        `good` becomes what the policy was when it last was past no limit.
        """
        self.settings, self.work, self.asked, self.good = settings, work, asked, good
        self.history: list[dict[str, float]] = []
        self._said: set[str] = set()

    def asks(self, rollout: int) -> bool:
        """Whether the prompts are answered before this rollout is learned from."""
        return bool(self.asked) and rollout % self.settings.every == 0

    def entry(
        self,
        rollout: int,
        of: int,
        texts: Sequence[str],
        answers: Sequence[Reply],
        figures: Mapping[str, float] | None = None,
    ) -> Entry:
        """What this rollout shows, for the journal; the entry stops the loop where the settings say so.

        `figures`: `deviation`, and signals that other lines of the journal tell already.
        """
        readings = readings_of(texts, answers)
        self.history.append({**readings, **(figures or {})})
        found = beyond(self.history, self.settings)
        self._warn(found)
        self._keep_good(complete=not self.asked or bool(answers))
        values: dict[str, Any] = {"rollout": rollout + 1, "of": of, **readings}
        if figures and "deviation" in figures:
            values["deviation"] = figures["deviation"]
        values["beyond"] = [each.signal for each in found]
        return Entry("guard", values, self._problem(found))

    def state(self) -> State:
        return State(self.good.state("good") if self.good else {}, {"history": self.history})

    def restore(self, state: State) -> None:
        """Raises QualityProblem where what was read before is past the limits of today, too."""
        self.history = [dict(readings) for readings in state.values.get("history", [])]
        if self.good and any(name.startswith("good/") for name in state.tensors):
            self.good.restore("good", state.tensors)
        if problem := self._problem(beyond(self.history, self.settings)):
            raise problem

    def _keep_good(self, complete: bool) -> None:
        """`complete`: every signal was read of this policy."""
        strict = self.settings.model_copy(update={"patience": 1})
        if self.good and complete and not beyond(self.history, strict):
            self.good.follow(1)

    def _warn(self, found: Sequence[Beyond]) -> None:
        """Once for each signal: more would hide the rest."""
        for each in found:
            if each.signal not in self._said:
                self._said.add(each.signal)
                rollout = len(self.history)
                self.work.progress.say("guard-warns", step=self.work.name, rollout=rollout, what=each)

    def _problem(self, found: Sequence[Beyond]) -> QualityProblem | None:
        if not found or self.settings.action != "stop":
            return None
        return QualityProblem(
            "guard-stops",
            step=self.work.name,
            rollout=len(self.history),
            what=", ".join(map(str, found)),
            path=self.work.folder / "checkpoints",
            good=self.work.folder / LAST_GOOD,
        )
