"""What translates texts with marks: what it is asked, what comes back; and the language model that does it.

Knows neither records nor checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from dajeong.progress import Bar
from dajeong.remote.client import Client
from dajeong.remote.prices import Estimate
from dajeong.remote.request import Answer, Failure, Request
from dajeong.remote.settings import ServiceSettings
from dajeong.synthesis.asking import answered
from dajeong.synthesis.translate_prompts import VERSION, as_one_text, messages_for
from dajeong.synthesis.translate_settings import TranslateSettings, WantedRegister

_AGAIN_TEMPERATURE = 0.5
"""What went wrong at temperature 0 would go wrong again."""
_WRAPPED = re.compile(r"\s*<source>\n?(?P<inside>.*?)\n?</source>\s*", re.DOTALL)


class Task(NamedTuple):
    """One text to be translated."""

    text: str
    """With marks."""
    register: WantedRegister = "any"
    context: str = ""
    """What came before it, to be understood only."""
    attempt: int = 0
    faults: tuple[str, ...] = ()
    """What was wrong with the attempt before."""


class Done(NamedTuple):
    text: str
    is_cut: bool = False
    """Whether it ended at its longest length."""


def longest(text: str) -> int:
    """Tokens that a translation may have; a syllable is seldom three. Ends loops, and bounds the price."""
    return 64 + 3 * len(text)


class Engine(Protocol):
    """Whatever translates."""

    name: str
    """Written into every record."""
    hears_faults: bool
    """Whether another attempt may come out differently."""
    cost: float | None
    """Dollars for what was asked so far, whenever that was paid; None where a price is unknown."""

    def translated(self, tasks: Sequence[Task], bar: Bar) -> list[Done | Failure]:
        """In the order of the tasks; `bar` hears what was spent, and does not move.

        Raises RemoteProblem where the service or its budget ends.
        """

    def estimate(self, tasks: Sequence[Task]) -> Estimate:
        """What asking for them once would cost now. Sends nothing."""

    def note(self) -> str:
        """What was spent so far, for a progress bar."""

    @property
    def spent(self) -> float:
        """Dollars that the run has paid this service."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LanguageModel:
    """A chat model that is told how to translate."""

    hears_faults = True

    def __init__(self, service: ServiceSettings, settings: TranslateSettings, cache: Path | None) -> None:
        self.name = f"{service.model}, {VERSION}"
        self.cost: float | None = 0.0
        self._service, self._settings = service, settings
        self._client = Client(service, cache)

    def request(self, task: Task) -> Request:
        decoding = self._settings.decoding
        changes: dict[str, float] = {"max_new_tokens": min(decoding.max_new_tokens, longest(task.text))}
        if task.attempt and decoding.temperature == 0:
            changes["temperature"] = _AGAIN_TEMPERATURE
        decoding = decoding.model_copy(update=changes)
        messages = messages_for(task.text, task.register, task.context, task.faults)
        if self._service.api == "completions":
            messages = as_one_text(messages)
        return Request(messages=messages, decoding=decoding, sample=task.attempt)

    def translated(self, tasks: Sequence[Task], bar: Bar) -> list[Done | Failure]:
        return [self._read(found) for found in answered(self._client, list(map(self.request, tasks)), bar)]

    def _read(self, outcome: Answer | Failure) -> Done | Failure:
        if isinstance(outcome, Failure):
            return outcome
        self.cost = None if self.cost is None or outcome.cost is None else self.cost + outcome.cost
        wrapped = _WRAPPED.fullmatch(outcome.text)
        return Done(wrapped["inside"] if wrapped else outcome.text, outcome.finish == "length")

    def estimate(self, tasks: Sequence[Task]) -> Estimate:
        return self._client.estimate(map(self.request, tasks))

    def note(self) -> str:
        return self._client.note()

    @property
    def spent(self) -> float:
        return self._client.spent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
