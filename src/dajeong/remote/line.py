"""One question to one service, through all its tries: pace, budget, faults, waits. Knows no API.

Safe to be called from many threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from dajeong.errors import RemoteProblem
from dajeong.remote import pacing
from dajeong.remote.ledger import Ledger
from dajeong.remote.prices import PICO, Usage
from dajeong.remote.request import Failure
from dajeong.remote.secrets import key_from, struck_out, without_keys
from dajeong.remote.settings import RemoteSettings
from dajeong.remote.transport import HttpReply, Transport, TransportProblem
from dajeong.remote.verdicts import Again, Readable, Refused, Stop, verdict

T = TypeVar("T")

FAULTS = {"busy", "server-error", "unreadable", "html", "no-body", "unreachable", "cut-off", "bad-request"}
"""Failures that speak of the service, or of all requests; the others are about one request."""
FIRST_TRIES = 3
"""Tries to reach a service that has never been reached: a wrong address shows within seconds."""
SHARED_PAUSE = 2.0
"""Longest pause of everybody, in seconds, when one is told that it is too much, and not for how long."""


class Service(NamedTuple):
    """Where a question goes, and under whose name it is entered."""

    name: str
    url: str
    key_variable: str | None
    authorization: str
    """What the key follows in its header: `Bearer`."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What an answer held."""

    result: T | Failure
    cost: int | None
    """Pico-dollars; None where nobody knows."""
    usage: Usage | None = None
    keep: Mapping[str, str] = field(default_factory=dict)
    """Answers to be kept, by their keys."""


class Line:
    """The way to one service."""

    def __init__(
        self,
        settings: RemoteSettings,
        service: Service,
        ledger: Ledger,
        transport: Transport,
        clock: pacing.Clock,
    ) -> None:
        self.settings = settings
        self.service = service
        self.ledger = ledger
        self.transport = transport
        self.clock = clock
        self.budget = None if settings.budget is None else round(settings.budget * PICO)
        limits = (settings.requests_per_minute, settings.tokens_per_minute)
        self.requests, self.tokens = (limit and pacing.Bucket(limit, clock.now) for limit in limits)
        self.gate = pacing.Gate(clock.now)
        self._key: str | None = None
        self._headers: dict[str, str] = {}
        self._changed = threading.Condition()
        self._num_open = 0
        self._failures_in_a_row = 0
        self._reached = False

    def ask(
        self, body: bytes, most: int, weight: float, read: Callable[[Any], Outcome[T]], halt: threading.Event
    ) -> T | Failure:
        """An answer as `read` makes it, or why there is none.

        `most`: its highest price in pico-dollars. `weight`: its tokens, for the limit per minute. Raises
        RemoteProblem where no request will be answered, pacing.Halted once `halt` is set.
        """
        for attempt in range(self.settings.max_retries + 1):
            self._pace(weight, halt)
            found = self._once(body, most, read, halt)
            if not isinstance(found, _Fault):
                break
            self._meet(found, attempt)
            if attempt < self.settings.max_retries:
                self._pause(found, attempt, halt)
        result = Failure(code=found.code, detail=found.detail) if isinstance(found, _Fault) else found
        self._count(result)
        return result

    def _meet(self, fault: _Fault, attempt: int) -> None:
        """A service that was never there is not waited for as long as one that went away."""
        if fault.code == "unreachable" and not self._reached and attempt + 1 >= FIRST_TRIES:
            raise self._problem("service-unreachable", fault.detail)

    def _pace(self, weight: float, halt: threading.Event) -> None:
        while left := self.gate.seconds_left():
            self._wait(pacing.wait_before(0, left), halt)
        waits = [
            self.requests.take(1) if self.requests else 0,
            self.tokens.take(weight) if self.tokens else 0,
        ]
        self._wait(max(waits), halt)

    def _wait(self, seconds: float, halt: threading.Event) -> None:
        if halt.is_set() or (seconds > 0 and self.clock.wait(seconds, halt)):
            raise pacing.Halted

    def _pause(self, fault: _Fault, attempt: int, halt: threading.Event) -> None:
        if fault.told is not None and fault.told > self.settings.max_wait_seconds:
            raise self._problem("service-pause", fault.detail, seconds=round(fault.told))
        seconds = pacing.wait_before(attempt, fault.told)
        if fault.code == "busy":
            self.gate.close_for(fault.told if fault.told is not None else min(seconds, SHARED_PAUSE))
        self._wait(seconds, halt)

    def _once(
        self, body: bytes, most: int, read: Callable[[Any], Outcome[T]], halt: threading.Event
    ) -> T | Failure | _Fault:
        headers = self._with_key()
        call = self._reserve(most, halt)
        try:
            if halt.is_set():
                self.ledger.settle(call, "not-sent", 0)
                raise pacing.Halted
            return self._sent(call, headers, body, read)
        finally:
            with self._changed:
                self._num_open -= 1
                self._changed.notify_all()

    def _sent(
        self, call: int, headers: Mapping[str, str], body: bytes, read: Callable[[Any], Outcome[T]]
    ) -> T | Failure | _Fault:
        try:
            reply = self.transport.post(self.service.url, headers, body)
        except TransportProblem as problem:
            self.ledger.settle(call, problem.code, None if problem.sent else 0)
            return self._without_answer(problem)
        self._reached = True
        reply = reply._replace(body=struck_out(reply.body, self._key))
        match verdict(reply):
            case Readable(value):
                outcome = read(value)
                ended = outcome.result.code if isinstance(outcome.result, Failure) else "answered"
                self.ledger.settle(call, ended, outcome.cost, outcome.usage, outcome.keep)
                return self._unread(outcome)
            case Again(code, detail, free):
                self.ledger.settle(call, code, 0 if free else None)
                return _Fault(code, self._clean(detail), self._told(reply))
            case Refused(code, detail):
                self.ledger.settle(call, code, 0)
                return Failure(code=code, detail=self._clean(detail))
            case Stop(code, detail):
                self.ledger.settle(call, code, 0)
                raise self._problem(code, detail)

    def _unread(self, outcome: Outcome[T]) -> T | Failure | _Fault:
        """An answer of another shape may pass, and is asked again unless it was charged."""
        if not isinstance(outcome.result, Failure):
            return outcome.result
        code, detail = outcome.result.code, self._clean(outcome.result.detail)
        if code == "unreadable" and outcome.usage is None:
            return _Fault(code, detail)
        return Failure(code=code, detail=detail)

    def _without_answer(self, problem: TransportProblem) -> Failure | _Fault:
        if problem.code == "too-long-body":
            return Failure(code=problem.code, detail=problem.detail)
        return _Fault(problem.code, self._clean(problem.detail))

    def _reserve(self, most: int, halt: threading.Event) -> int:
        """The number of an entered call. Waits while calls under way may yet leave room in the budget."""
        while True:
            with self._changed:
                self._num_open += 1
            call = None
            try:
                call = self.ledger.reserve(self.service.name, most, self.budget)
            finally:
                if call is None:
                    with self._changed:
                        self._num_open -= 1
            if call is not None:
                return call
            with self._changed:
                if self._num_open == 0:
                    raise self._over_budget(most)
                self._changed.wait(0.05)
            if halt.is_set():
                raise pacing.Halted

    def _over_budget(self, most: int) -> RemoteProblem:
        spent, held = self.ledger.totals()
        numbers = {"spent": spent, "held": held, "most": most}
        amounts = {name: f"{value / PICO:.4f}" for name, value in numbers.items()}
        return RemoteProblem("budget-reached", budget=f"{self.settings.budget:g}", **amounts)

    def _with_key(self) -> Mapping[str, str]:
        if not self._headers:
            headers = {"content-type": "application/json", "user-agent": "dajeong"}
            self._key = key_from(self.service.key_variable)
            if self._key:
                headers["authorization"] = f"{self.service.authorization} {self._key}"
            self._headers = headers
        return self._headers

    def _told(self, reply: HttpReply) -> float | None:
        return pacing.told_wait(reply.headers, self.clock.wall())

    def _clean(self, detail: str) -> str:
        return without_keys(detail, self._key)

    def _problem(self, code: str, detail: str, **more: object) -> RemoteProblem:
        return RemoteProblem(code, service=self.service.name, detail=self._clean(detail) or "-", **more)

    def _count(self, result: object) -> None:
        failed = isinstance(result, Failure) and result.code in FAULTS
        with self._changed:
            self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
            count = self._failures_in_a_row
        if isinstance(result, Failure) and count >= self.settings.max_failures_in_a_row:
            raise self._problem("service-down", f"{result.code}: {result.detail}", count=count)


class _Fault(NamedTuple):
    """A try that failed; another may not."""

    code: str
    detail: str
    told: float | None = None
    """Seconds that the service asks to wait."""
