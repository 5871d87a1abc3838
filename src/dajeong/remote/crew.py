"""Threads that ask side by side: results by name as they come, and one problem that halts them all.

Knows neither questions nor services.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

from dajeong.remote.pacing import Halted
from dajeong.workplace import raise_if_stopped

T = TypeVar("T")

LISTEN_S = 0.2
"""Seconds between looks at whether a signal came."""


class Crew(Generic[T]):
    """A context manager; when it is left, what is under way has ended and what waited is dropped."""

    def __init__(self, size: int, step: str) -> None:
        """`step` is named when a signal stops the work."""
        self.step = step
        self._threads = ThreadPoolExecutor(size, "service")
        self._ended: SimpleQueue[tuple[str, Future[T]]] = SimpleQueue()
        self._halt = threading.Event()
        self._first = threading.Lock()
        self._problem: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halt.set()
        self._threads.shutdown(cancel_futures=True)

    def send(self, name: str, ask: Callable[[threading.Event], T]) -> None:
        """`ask` runs in a thread of its own; it gets what tells it to raise Halted."""
        future = self._threads.submit(self._asked, ask)
        future.add_done_callback(lambda future: self._ended.put((name, future)))

    def next(self) -> tuple[str, T]:
        """The next result and its name. Raises the first problem of any thread, or Stopped after a signal."""
        while True:
            raise_if_stopped(self.step)
            try:
                name, future = self._ended.get(timeout=LISTEN_S)
            except Empty:
                continue
            try:
                return name, future.result()
            except Halted:
                raise self._problem or RuntimeError("halted without a reason") from None

    def _asked(self, ask: Callable[[threading.Event], T]) -> T:
        """The first problem halts every thread at once: nothing more is sent, and paid for."""
        try:
            return ask(self._halt)
        except BaseException as problem:
            with self._first:
                self._problem = self._problem or problem
            self._halt.set()
            raise
