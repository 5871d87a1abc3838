"""An engine at work in a thread of its own: its tokens can be read one at a time, and it can be stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from dajeong.rollout.engine import Completion, Engine, Request

WAKE_S = 0.2
"""How long a wait may last: on Windows Ctrl-C is only seen between waits."""


class Listening:
    """Iterating gives the tokens of a request as they are drawn; `completion` is there once they are out."""

    def __init__(self, engine: Engine, request: Request) -> None:
        self.completion: Completion | None = None
        self._engine = engine
        self._request = request
        self._said: queue.SimpleQueue[int | Completion | BaseException] = queue.SimpleQueue()
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dajeong-listening", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[int]:
        while True:
            said = self._next()
            if isinstance(said, int):
                yield said
            elif isinstance(said, Completion):
                self.completion = said
                return
            else:
                raise said

    def close(self) -> None:
        """Cancel the request at its next token and wait until the engine rests."""
        self._unwanted.set()
        self._thread.join()

    def _next(self) -> int | Completion | BaseException:
        while True:
            try:
                return self._said.get(timeout=WAKE_S)
            except queue.Empty:
                continue

    def _work(self) -> None:
        try:
            self._said.put(self._engine.generate([self._request], self._hear)[0])
        except BaseException as problem:  # the reader's thread raises it
            self._said.put(problem)

    def _hear(self, _index: int, token: int) -> bool:
        self._said.put(token)
        return not self._unwanted.is_set()
