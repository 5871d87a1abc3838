"""From the engine's thread to the event loop: what was said to one request, in order. Knows no format."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from dajeong.rollout.engine import Drawn, Ranked
from dajeong.rollout.speech import Speech

FinishReason = Literal["stop", "length"]


class Spoken(NamedTuple):
    """A token with its log-probability, where they are asked for."""

    id: int
    logprob: float
    ranked: Ranked


class Piece(NamedTuple):
    """What became certain of one of the replies to a request."""

    choice: int
    text: str
    num_tokens: int
    """Drawn since the last piece, also those that are no text."""
    spoken: tuple[Spoken, ...]
    reason: FinishReason | None
    """None while more will come."""


class Mailbox:
    """Filled in the engine's thread, emptied in the event loop."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._pieces: deque[Piece | Exception] = deque()
        self._filled = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def put(self, piece: Piece | Exception) -> None:
        self._pieces.append(piece)
        self._post.deliver(self)

    def wake(self) -> None:
        self._filled.set()

    async def take(self) -> list[Piece]:
        """All that came, one piece at least. Raises what made the engine fail."""
        while not self._pieces:
            self._filled.clear()
            await self._filled.wait()
        found = [self._pieces.popleft() for _ in range(len(self._pieces))]
        for piece in found:
            if isinstance(piece, Exception):
                raise piece
        return [piece for piece in found if not isinstance(piece, Exception)]


class Post:
    """Wakes those who got something once a step, not once a token."""

    def __init__(self) -> None:
        self._waiting: dict[int, Mailbox] = {}
        self._lock = threading.Lock()

    def deliver(self, mailbox: Mailbox) -> None:
        with self._lock:
            self._waiting[id(mailbox)] = mailbox

    def flush(self) -> None:
        with self._lock:
            boxes, self._waiting = list(self._waiting.values()), {}
        for loop in {box.loop for box in boxes}:
            with contextlib.suppress(RuntimeError):  # closed: nobody is there to read
                loop.call_soon_threadsafe(_wake, [box for box in boxes if box.loop is loop])


def _wake(boxes: Sequence[Mailbox]) -> None:
    for box in boxes:
        box.wake()


class Reply:
    """One of the replies to a request: hears tokens, puts text into the mailbox. A `station.Listener`."""

    def __init__(self, index: int, speech: Speech, mailbox: Mailbox, *, with_tokens: bool = False) -> None:
        self._index, self._speech, self._mailbox = index, speech, mailbox
        self._with_tokens = with_tokens
        self._heard = 0
        self._spoken: list[Spoken] = []

    def hear(self, drawn: Drawn) -> bool:
        self._heard += 1
        said = self._speech.add(drawn.token)
        if self._with_tokens and not self._speech.ends_with(drawn.token):
            self._spoken.append(Spoken(drawn.token, drawn.logprob, drawn.ranked))
        if self._speech.stopped:
            self._put(said, "stop")
            return False
        if drawn.stop_reason is not None:
            said += self._speech.end()
            ended = drawn.stop_reason == "eos" or self._speech.stopped
            self._put(said, "stop" if ended else "length")
        elif said:
            self._put(said, None)
        return True

    def fail(self, problem: Exception) -> None:
        self._mailbox.put(problem)

    def finish(self) -> None:
        self._put(self._speech.end(), "length")

    def _put(self, said: str, reason: FinishReason | None) -> None:
        self._mailbox.put(Piece(self._index, said, self._heard, tuple(self._spoken), reason))
        self._heard = 0
        self._spoken.clear()
