"""Notices that another process of the run is gone, ends this one, and sees that one of them says so.

A thread of every process counts up in the store that the launch brought and looks whether the others still
do. What runs meanwhile may wait for ever: a collective whose partner was killed often does. Knows no step.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from dajeong.errors import DajeongError, EnvironmentProblem

BEAT_S, PATIENCE_S = 2.0, 45.0
LEAVING_S = 10.0
"""How long a process that has said what was wrong may take to end by itself."""


class Store(Protocol):
    """What all processes see."""

    def add(self, key: str, value: int) -> int: ...


class Watch:
    """Watches over `world` processes; `end` is called with an exit code where this one cannot go on."""

    def __init__(
        self,
        store: Store,
        rank: int,
        world: int,
        end: Callable[[int], None] = os._exit,
        beat_s: float = BEAT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.store, self.rank, self.end = store, rank, end
        self.beat_s, self.patience_s = beat_s, patience_s
        now = time.monotonic()
        self.seen = {other: (0, now) for other in range(world) if other != rank}
        """Rank → the last count, and when it was new."""
        self.over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def stop(self) -> None:
        """All is well; the others may find this process gone."""
        if not self.over.is_set():
            self.over.set()
            self._add(f"left/{self.rank}", 1)

    def failed(self, code: int) -> bool:
        """This process ends with `code`. Whether it is the first, and so the one that says why."""
        self.over.set()
        count = self._add("failed", 1)
        # without the store, which rank 0 kept, the next one speaks
        first = count == 1 or (count == 0 and self.rank == 1)
        if first:
            self._add("code", code)
        self._end_soon(code)
        return first

    def _end_soon(self, code: int | None = None) -> None:
        """What waits for the others may never end by itself. Without a code, that of the first to fail."""
        leaving = threading.Timer(LEAVING_S, lambda: self.end(code or self._add("code", 0) or 1))
        leaving.daemon = True
        leaving.start()

    def look(self) -> list[int]:
        """The processes that are gone, as far as this one can see."""
        now = time.monotonic()
        self._add(f"beat/{self.rank}", 1)
        for other, (count, _) in list(self.seen.items()):
            if self._add(f"left/{other}", 0):
                del self.seen[other]
            elif (found := self._add(f"beat/{other}", 0)) > count:
                self.seen[other] = (found, now)
        return [other for other, (_, since) in self.seen.items() if now - since > self.patience_s]

    def _watch(self) -> None:
        while not self.over.wait(self.beat_s):
            gone = self.look()
            if self._add("failed", 0):  # it said why; our own work may be about to fail, too
                self._end_soon()
                return
            if gone and not self.over.is_set():
                problem = process_gone()
                if self.failed(problem.exit_code):
                    sys.stderr.write(f"{problem}\n")
                    sys.stderr.flush()
                self.end(problem.exit_code)
                return

    def _add(self, key: str, value: int) -> int:
        """0 where the store itself is gone: with it whoever kept it, who then never beats again."""
        try:
            return self.store.add(key, value)
        except Exception:  # each store has its own; a watch must not die of it
            return 0


def process_gone() -> DajeongError:
    return EnvironmentProblem("process-gone")


def is_of_the_others(problem: BaseException) -> bool:
    """Whether a collective failed, as it does where a partner has ended."""
    if not isinstance(problem, RuntimeError):
        return False
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "Socket")
    return type(problem).__name__.startswith("Dist") or any(word in str(problem) for word in words)
