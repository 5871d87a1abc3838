"""The replies to one request on their way: asked for, heard, left. Knows no format and no socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from dajeong.messages import text
from dajeong.rollout.engine import Request
from dajeong.rollout.speech import Speech
from dajeong.serving.mailbox import Mailbox, Piece, Post, Reply
from dajeong.serving.metrics import Metrics
from dajeong.serving.problems import ApiProblem
from dajeong.serving.station import Station


class Writing:
    """Made and read in the event loop. Whoever begins it must `leave` it."""

    def __init__(
        self,
        station: Station,
        post: Post,
        metrics: Metrics,
        speeches: Sequence[Speech],
        *,
        with_tokens: bool,
        deadline_s: float,
        on_end: Callable[[Writing], None] = lambda writing: None,
    ) -> None:
        self._station, self._metrics, self._on_end = station, metrics, on_end
        self._mailbox = Mailbox(post)
        self._replies = [
            Reply(index, speech, self._mailbox, with_tokens=with_tokens)
            for index, speech in enumerate(speeches)
        ]
        self._open = set(range(len(speeches)))
        self._began = time.monotonic()
        late = ApiProblem(504, "deadline_exceeded", text("api-deadline"))
        self._deadline = asyncio.get_running_loop().call_later(deadline_s, self._mailbox.interrupt, late)
        self.num_tokens = 0
        """Drawn so far."""
        self.said = dict.fromkeys(range(len(speeches)), "")
        """Every reply so far."""

    def begin(self, requests: Sequence[Request]) -> None:
        """Raises ApiProblem where the queue is full or nothing is taken any more."""
        if self._station.given_up is not None:
            raise ApiProblem(503, "engine_failed", text("api-engine"))
        if not self._station.ask(requests, self._replies):
            self._metrics.add("rejected_total")
            raise ApiProblem(429, "queue_full", text("api-full"))

    async def pieces(self) -> AsyncIterator[list[Piece]]:
        """What was said since the last time, until every reply has ended. Raises ApiProblem."""
        while self._open:
            found = await self._next()
            if not self.num_tokens:
                self._metrics.first_text(time.monotonic() - self._began)
            for piece in found:
                self.num_tokens += piece.num_tokens
                self.said[piece.choice] += piece.text
                if piece.reason is not None:
                    self._open.discard(piece.choice)
            yield found

    async def _next(self) -> list[Piece]:
        try:
            return await self._mailbox.take()
        except ApiProblem:
            raise
        except Exception as problem:
            self._metrics.add("failed_total")
            raise ApiProblem(503, "engine_failed", text("api-engine")) from problem

    async def whole(self) -> list[Piece]:
        """Every reply as one piece, in order."""
        found: dict[int, list[Piece]] = {index: [] for index in range(len(self._replies))}
        async for pieces in self.pieces():
            for piece in pieces:
                found[piece.choice].append(piece)
        return [joined(found[index]) for index in sorted(found)]

    def leave(self, *, gone: bool = False) -> None:
        """Nobody reads any more; `gone`: because the client is not there."""
        self._deadline.cancel()
        if self._open:
            self._station.leave([self._replies[index] for index in self._open])
            if gone:
                self._metrics.add("cancelled_total")
        self._metrics.add("completion_tokens_total", self.num_tokens)
        self._on_end(self)

    def summary(self) -> str:
        """Lengths and times, no words."""
        state = f"{len(self._open)} unfinished " if self._open else ""
        return f"drawn={self.num_tokens} {state}{time.monotonic() - self._began:.3f}s"


def joined(pieces: Sequence[Piece]) -> Piece:
    """Consecutive pieces of one reply as one."""
    return Piece(
        pieces[0].choice,
        "".join(piece.text for piece in pieces),
        sum(piece.num_tokens for piece in pieces),
        tuple(spoken for piece in pieces for spoken in piece.spoken),
        pieces[-1].reason,
    )
