"""Answers over HTTP as they are written, or whole, while the client is there. Knows no field of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dajeong.serving.mailbox import Piece
from dajeong.serving.problems import ApiProblem, as_api_problem
from dajeong.serving.writing import Writing

T = TypeVar("T")
DONE = b"data: [DONE]\n\n"
HEADERS = {"content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"}


class Form(Protocol):
    """Makes events of pieces."""

    def begin(self) -> bytes: ...

    def events(self, pieces: Sequence[Piece]) -> bytes: ...

    def end(self) -> bytes: ...


# ASCII only: some clients break lines at U+2028 too
compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def event(value: Any) -> bytes:
    return f"data: {compact(value)}\n\n".encode("ascii")


class EventStream(Response):
    """Server-sent events. What fails before the first of them is an ordinary error; later ones are events."""

    def __init__(self, writing: Writing, form: Form) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._writing, self._form = writing, form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = False
        try:
            gone = await while_there(receive, self._tell(scope, receive, send)) is None
        finally:
            self._writing.leave(gone=gone)

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> bool:
        pieces = self._writing.pieces()
        try:
            first = await anext(pieces)
        except Exception as problem:
            await as_api_problem(problem).response()(scope, receive, send)
            return True
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, self._form.begin() + self._form.events(first))
        try:
            await self._rest(pieces, send)
        except ApiProblem as problem:
            await _send(send, event(problem.body()) + DONE)
        await send({"type": "http.response.body"})
        return True

    async def _rest(self, pieces: AsyncIterator[list[Piece]], send: Send) -> None:
        async for found in pieces:
            if said := self._form.events(found):
                await _send(send, said)
        await _send(send, self._form.end() + DONE)


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives; None, and `work` is cancelled, where the client leaves first."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def whole(request: Request, writing: Writing) -> list[Piece] | None:
    """Every reply at its end; None where the client has left before that."""
    gone = False
    try:
        found = await while_there(request.receive, writing.whole())
        gone = found is None
        return found
    finally:
        writing.leave(gone=gone)
