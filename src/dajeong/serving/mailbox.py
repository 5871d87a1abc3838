"""From the engine's thread to the event loop: what was said to one request, in order. Knows no format."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Literal, NamedTuple

from dajeong.rollout.engine import Drawn, Ranked
from dajeong.rollout.speech import Speech

PAUSE_S = 0.02
"""Between two deliveries: what is drawn meanwhile arrives together, fifty times a second."""
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
        self._post.drop(self)

    def wake(self) -> None:
        self._filled.set()

    def interrupt(self, problem: Exception) -> None:
        """In the event loop: whoever reads hears this next."""
        self._pieces.append(problem)
        self.wake()

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
    """Wakes those who got something, all at once and not for every token: waking and sending cost more than
    drawing where models are small.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Mailbox] = {}
        self._lock = threading.Lock()
        self._planned = False
        self._delivered = 0.0

    def drop(self, mailbox: Mailbox) -> None:
        """Something for `mailbox`, delivered after the next `flush`."""
        with self._lock:
            self._waiting[id(mailbox)] = mailbox

    def flush(self) -> None:
        """Called in the engine's thread."""
        with self._lock:
            if self._planned or not self._waiting:
                return
            self._planned = True
            loop = next(iter(self._waiting.values())).loop
        try:
            loop.call_soon_threadsafe(self._plan, loop)
        except RuntimeError:  # closed: nobody is there to read
            self._deliver(loop)

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        wait = self._delivered + PAUSE_S - loop.time()
        if wait <= 0:
            self._deliver(loop)
        else:
            loop.call_later(wait, self._deliver, loop)

    def _deliver(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            boxes, self._waiting = self._waiting, {}
            self._planned = False
        self._delivered = loop.time()
        for box in boxes.values():
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
