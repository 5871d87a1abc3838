"""The thread in which the engine works: requests in, tokens out, one engine for all who ask. Knows no HTTP.

Whoever asks leaves a `Listener`, which hears every token in this thread and may say that it has had enough:
nothing more is drawn for it then. All forwards of the model happen here, those of other work as well.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from dajeong.rollout.engine import ContinuousEngine, Drawn, Request

T = TypeVar("T")
FAILURES = 3
"""Failing steps in a row after which the engine is given up."""


class Listener(Protocol):
    """One who asked for a reply; called in the engine's thread, and quick."""

    def hear(self, drawn: Drawn) -> bool:
        """A token; False where no more are wanted."""

    def fail(self, problem: Exception) -> None:
        """There will be no more, for this reason."""

    def finish(self) -> None:
        """There will be no more, though the reply was not at its end: the server stops."""


class Station:
    """Its thread starts with it and ends with `close`."""

    def __init__(self, engine: ContinuousEngine, capacity: int = 320) -> None:
        """`capacity`: most replies that are written or wait."""
        self.engine = engine
        self.capacity = capacity
        self.draining = False
        self.given_up: Exception | None = None
        """Why the engine is no more, once it is."""
        self.on_given_up: Callable[[Exception], None] = lambda problem: None
        self.after_step: Callable[[], None] = lambda: None
        """Called in the engine's thread when every token of a step was heard."""
        self._changed = threading.Condition()
        self._asked: deque[tuple[Request, Listener]] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._left: list[Listener] = []
        self._listeners: dict[int, Listener] = {}
        self._ends_at = float("inf")
        self._closing = False
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name="dajeong-engine", daemon=True)
        self._thread.start()

    # --- from any thread

    @property
    def num_running(self) -> int:
        return self.engine.num_running

    @property
    def num_waiting(self) -> int:
        return self.engine.num_waiting + len(self._asked)

    def ask(self, requests: Sequence[Request], listeners: Sequence[Listener]) -> bool:
        """Have all of them answered; False where too many are in the house already."""
        with self._changed:
            if len(self._listeners) + len(self._asked) + len(requests) > self.capacity:
                return False
            self._asked.extend(zip(requests, listeners, strict=True))
            self._changed.notify()
            return True

    def leave(self, listeners: Sequence[Listener]) -> None:
        """Nobody listens any more: their rows are free before the next token."""
        with self._changed:
            self._left.extend(listeners)
            self._changed.notify()

    def run(self, job: Callable[[], T]) -> Future[T]:
        """Have `job` done in the engine's thread, between two tokens."""
        future: Future[T] = Future()
        with self._changed:
            self._jobs.append((job, future))
            self._changed.notify()
        return future

    def drain(self, within_s: float) -> None:
        """Replies may go on for so long; those that are not done then are finished as they are."""
        with self._changed:
            self.draining, self._ends_at = True, time.monotonic() + within_s
            self._changed.notify()

    def close(self) -> None:
        """Finish what runs as it is, and end the thread."""
        with self._changed:
            self._closing, self._ends_at = True, 0.0
            self._changed.notify()
        self._thread.join()

    # --- in the engine's thread

    def _work(self) -> None:
        while self._wait():
            try:
                self._turn()
            except Exception as problem:  # whatever it is, nobody may be left waiting
                self._fail(problem)
            self.after_step()

    def _wait(self) -> bool:
        with self._changed:
            self._changed.wait_for(
                lambda: self._asked or self._jobs or self._left or self._listeners or self._closing
            )
            return bool(self._asked or self._jobs or self._listeners or not self._closing)

    def _turn(self) -> None:
        with self._changed:
            asked, left = list(self._asked), self._left
            self._left = []
            self._asked.clear()
            for request, listener in asked:
                self._take_in(request, listener)
            job = self._jobs.popleft() if self._jobs else None
        self._forget(left)
        if time.monotonic() > self._ends_at:
            self._finish_all()
        if job is not None:
            _do(*job)
        for drawn in self.engine.step():
            self._failures = 0
            self._tell(drawn)

    def _take_in(self, request: Request, listener: Listener) -> None:
        try:
            self._listeners[self.engine.add(request)] = listener
        except Exception as problem:  # its fault alone
            listener.fail(problem)

    def _forget(self, left: Sequence[Listener]) -> None:
        gone = {id(listener) for listener in left}
        for key in [key for key, listener in self._listeners.items() if id(listener) in gone]:
            self.engine.cancel(key)
            del self._listeners[key]

    def _tell(self, drawn: Drawn) -> None:
        listener = self._listeners.get(drawn.key)
        if listener is None:
            return
        wanted = False
        try:
            wanted = listener.hear(drawn)
        except Exception as problem:  # its fault alone
            listener.fail(problem)
        if drawn.stop_reason is None and not wanted:
            self.engine.cancel(drawn.key)
        if drawn.stop_reason is not None or not wanted:
            del self._listeners[drawn.key]

    def _finish_all(self) -> None:
        for listener in self._emptied():
            listener.finish()

    def _fail(self, problem: Exception) -> None:
        """Everyone in the batch is told; those who come next find an engine that has forgotten them."""
        for listener in self._emptied():
            listener.fail(problem)
        self._failures += 1
        if self._failures >= FAILURES and self.given_up is None:
            self.given_up = problem
            self.on_given_up(problem)

    def _emptied(self) -> list[Listener]:
        found = list(self._listeners.values())
        self._listeners.clear()
        self.engine.clear()
        return found


def _do(job: Callable[[], T], future: Future[T]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(job())
        except Exception as problem:  # the one who asked is told
            future.set_exception(problem)
