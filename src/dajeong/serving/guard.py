"""Who may ask at all: Host, Origin, key and size of a request, before anything reads it. Knows no route.

No header that would let another page read an answer is ever sent. A page that is served here is let through
without a key if its path is named in `open_paths`; what it asks for is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Collection
from typing import Any

from fastapi.exceptions import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dajeong.messages import text
from dajeong.serving.problems import ApiProblem, too_large
from dajeong.serving.settings import LOOPBACK

DISCARDED_S = 2.0
"""How long the rest of a refused body is read and thrown away, so that its sender gets to the answer."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""Of every answer, where it does not say otherwise itself."""


class Guard:
    """ASGI middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        key: str | None = None,
        hosts: Collection[str] | None = LOOPBACK,
        max_body_bytes: int = 1 << 20,
        open_paths: Collection[str] = ("/health",),
    ) -> None:
        """`hosts`: names that a request may be addressed to; None allows any, which needs a key."""
        assert key or hosts is not None, "any host, and no key"
        self.app = app
        self.key, self.max_body_bytes = key, max_body_bytes
        self.hosts = None if hosts is None else {host.strip("[]").lower() for host in hosts}
        self.open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            problem = self.refusal(scope)
            if problem is None:
                body = _Measured(receive, self.max_body_bytes)
                await self.app(scope, body.receive, _with_headers(send))
            else:
                await refuse(problem, scope, receive, _with_headers(send))

    def refusal(self, scope: Scope) -> ApiProblem | None:
        """Why this request is not let in."""
        headers = Headers(scope=scope)
        if self.hosts is not None and host_of(headers.get("host", "")) not in self.hosts:
            return ApiProblem(403, "host_not_allowed", text("api-host"))
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
            return ApiProblem(403, "origin_not_allowed", text("api-origin"))
        if self.key and scope["path"] not in self.open_paths and not self._has_key(headers):
            return ApiProblem(401, "invalid_api_key", text("api-key"))
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self.max_body_bytes:
            return too_large(str(self.max_body_bytes))
        return None

    def _has_key(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        wanted = (self.key or "").encode("utf-8")
        return kind.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("latin-1", "replace"), wanted
        )


def host_of(header: str) -> str:
    """`[::1]:8000`, `LocalHost:8000` → `::1`, `localhost`."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


class _Measured:
    """Gives the body on while it is within its bound."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._seen = receive, limit, 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise HTTPException(413, str(self._limit))
        return message


async def refuse(problem: ApiProblem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, then let the rest of the body run out: closing on it would lose the answer."""
    response = problem.response()
    start: dict[str, Any] = {"status": problem.status, "headers": response.raw_headers}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    headers = Headers(scope=scope)
    more = "content-length" in headers or "transfer-encoding" in headers
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARDED_S):
            while more:
                more = bool((await receive()).get("more_body"))
    await send({"type": "http.response.body"})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
