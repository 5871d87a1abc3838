"""Many questions to one model service: kept answers first, the others side by side, equal ones once.

Knows neither what is asked nor why. `line.Line` sees one question through; this file keeps order and count.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dajeong.errors import RemoteProblem
from dajeong.progress import Progress
from dajeong.remote import wire
from dajeong.remote.account import Account
from dajeong.remote.crew import Crew
from dajeong.remote.line import Outcome, Service
from dajeong.remote.pacing import Clock
from dajeong.remote.prices import PICO, Estimate, Prices, estimate, likely_prompt_tokens
from dajeong.remote.request import Answer, Failure, Request
from dajeong.remote.settings import OPENAI, ServiceSettings
from dajeong.remote.transport import Transport

CHUNK = 64
"""Requests looked up on the disk at once."""
LOOK_AHEAD = 2
"""Requests taken from the caller before their turn, per request under way."""
MODEL_CHANGED = "model-changed"


class Client(Account):
    """A service, its kept answers, its price and its budget. A context manager; one thread calls it."""

    def __init__(
        self,
        settings: ServiceSettings,
        cache: Path | None,
        progress: Progress | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.prices = Prices.of(settings)
        if self.prices is None and settings.budget is not None:
            raise RemoteProblem("price-unknown", model=settings.model)
        url = settings.base_url + wire.PATHS[settings.api]
        variable = settings.key_env or ("OPENAI_API_KEY" if settings.base_url == OPENAI else None)
        service = Service(f"{settings.model} at {settings.base_url}", url, variable, "Bearer")
        is_priced = self.prices is not None
        super().__init__(settings, settings.base_url, service, is_priced, cache, progress, transport, clock)
        self._model = self.ledger.model_of(self.service.name)

    def answers(self, requests: Sequence[Request]) -> list[Answer | Failure]:
        """In the order of the requests. Raises RemoteProblem where the service, its price or budget ends."""
        found: dict[int, Answer | Failure] = {}
        with self.progress.bar("asking", len(requests), model=self.settings.model) as bar:
            for index, result in self.stream(requests):
                found[index] = result
                bar.advance(1, note=self.note())
        return [found[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Answer | Failure]]:
        """(index, result) as they come. Takes few requests ahead; ends cleanly when it is no longer read.

        Their order differs from run to run: what is written must not depend on it. Before an exception
        leaves, requests under way have come to their end and are kept.
        """
        most_waiting = LOOK_AHEAD * self.settings.concurrency
        waiting: dict[str, list[int]] = {}
        with Crew[Answer | Failure](self.settings.concurrency, self.settings.model) as crew:
            for chunk in _chunks(enumerate(requests), min(CHUNK, most_waiting)):
                yield from self._begun(chunk, waiting, crew)
                while len(waiting) >= most_waiting:
                    yield from _next(waiting, crew)
            while waiting:
                yield from _next(waiting, crew)

    def _begun(
        self,
        chunk: Sequence[tuple[int, Request]],
        waiting: dict[str, list[int]],
        crew: Crew[Answer | Failure],
    ) -> Iterator[tuple[int, Answer]]:
        """Sends off what has no answer yet; gives what has one."""
        keyed = [(index, request, self.key(request)) for index, request in chunk]
        kept = self.ledger.answers([key for _, _, key in keyed])
        for index, request, key in keyed:
            if key in waiting:
                waiting[key].append(index)
            elif key not in kept:
                waiting[key] = [index]
                crew.send(key, partial(self._ask, request, key))
        for index, _, key in keyed:
            if key in kept:
                yield index, _from_disk(Answer.model_validate_json(kept[key]))

    def estimate(self, requests: Iterable[Request]) -> Estimate:
        """What asking would cost now, kept answers left out. Sends nothing and needs no key."""
        new: dict[str, Request] = {}
        seen: set[str] = set()
        for chunk in _chunks(enumerate(requests), CHUNK):
            keyed = {self.key(request): request for _, request in chunk}
            kept = self.ledger.answers(list(keyed))
            seen |= keyed.keys()
            new |= {key: request for key, request in keyed.items() if key not in kept}
        usual = self.ledger.usual_reply(self.service.name)
        return estimate(new.values(), len(seen) - len(new), self.prices, usual)

    def key(self, request: Request) -> str:
        """The name of the request's answer on the disk."""
        return wire.as_key(wire.fields_of(request, self.settings), self.settings, request.sample)

    def _ask(self, request: Request, key: str, halt: threading.Event) -> Answer | Failure:
        body = wire.as_bytes(wire.fields_of(request, self.settings))
        most = self.prices.most(request) if self.prices else 0
        weight = likely_prompt_tokens(request) + request.decoding.max_new_tokens
        result = self._line.ask(body, most, weight, lambda value: self._read(value, key), halt)
        if isinstance(result, Failure) and result.code == MODEL_CHANGED:
            raise RemoteProblem("model-changed", service=self.service.name, detail=result.detail)
        return result

    def _read(self, value: Any, key: str) -> Outcome[Answer]:
        result, usage = wire.read(value)
        cost = self.prices.cost(usage) if self.prices and usage else None
        if isinstance(result, Failure):
            return Outcome(result, cost, usage)
        if not self._is_same_model(result.model):
            other = Failure(code=MODEL_CHANGED, detail=f"{self._model} → {result.model}")
            return Outcome(other, cost, usage)
        answer = result.model_copy(update={"cost": None if cost is None else cost / PICO})
        return Outcome(answer, cost, usage, {key: answer.model_dump_json()})

    def _is_same_model(self, model: str) -> bool:
        """Whether it is the model of the first answer: figures of two models must not mix unseen."""
        if model and self._model is None:
            self._model = self.ledger.model_of(self.service.name, model)
        return not model or model == self._model or self.settings.allow_model_change


def _next(
    waiting: dict[str, list[int]], crew: Crew[Answer | Failure]
) -> Iterator[tuple[int, Answer | Failure]]:
    """The next result, under every index that waits for it."""
    key, result = crew.next()
    first, *others = waiting.pop(key)
    yield first, result
    for index in others:
        yield index, _from_disk(result) if isinstance(result, Answer) else result


def _from_disk(answer: Answer) -> Answer:
    return answer.model_copy(update={"cached": True})


def _chunks(items: Iterator[tuple[int, Request]], size: int) -> Iterator[list[tuple[int, Request]]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def priced(settings: ServiceSettings, cache: Path, requests: Iterable[Request]) -> Estimate:
    """`Client.estimate` for a plan: nothing is written, not even an empty cache."""
    with Client(settings.model_copy(update={"budget": None}), cache if cache.is_file() else None) as client:
        return client.estimate(requests)
