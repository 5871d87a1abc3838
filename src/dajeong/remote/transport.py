"""Bytes to a service and back, within limits of time and size. Knows no JSON and tries once only.

The one seam of this room: a test gives its own `Transport`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dajeong.errors import EnvironmentProblem
from dajeong.remote.secrets import without_keys
from dajeong.remote.settings import RemoteSettings, is_this_machine

if TYPE_CHECKING:
    import httpx


class HttpReply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class TransportProblem(Exception):
    """No whole answer came. `sent`: the service may have worked, and charged, all the same."""

    def __init__(self, code: str, sent: bool, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.sent = sent
        self.detail = detail


class Transport(Protocol):
    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        """Called from several threads at once. Raises TransportProblem."""

    def close(self) -> None: ...


class HttpTransport:
    """HTTP by httpx: connections are kept, redirects are not followed, so that no key goes elsewhere."""

    def __init__(self, settings: RemoteSettings, address: str) -> None:
        self.settings = settings
        self.address = address
        self.max_body = int(settings.max_body_mib * 2**20)
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        import httpx

        try:
            return self._posted(url, {**headers, "accept-encoding": "identity"}, body)
        except _unreachable() as no:
            raise TransportProblem("unreachable", False, _said(no)) from None
        except httpx.HTTPError as broken:
            raise TransportProblem("cut-off", True, _said(broken)) from None

    def _posted(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        until = time.monotonic() + self.settings.answer_seconds
        with self._opened().stream("POST", url, headers=dict(headers), content=body) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            return HttpReply(response.status_code, found, self._read(response, until))

    def _read(self, response: httpx.Response, until: float) -> bytes:
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self.max_body:
            raise self._too_long()
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self.max_body:
                raise self._too_long()
            if time.monotonic() > until:
                raise TransportProblem(
                    "cut-off", True, f"not complete after {self.settings.answer_seconds:g} s"
                )
        return bytes(body)

    def _too_long(self) -> TransportProblem:
        return TransportProblem("too-long-body", True, f"more than {self.max_body} bytes")

    def _opened(self) -> httpx.Client:
        """Made for the first request: an estimate needs none. Raises EnvironmentProblem for bad proxies."""
        import httpx

        settings = self.settings
        timeout = httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds, pool=None)
        limits = httpx.Limits(
            max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency
        )
        with self._lock:
            if self._client is None:
                outside = not is_this_machine(self.address)
                try:
                    self._client = httpx.Client(timeout=timeout, limits=limits, trust_env=outside)
                except (ImportError, ValueError, OSError, httpx.InvalidURL) as problem:
                    said = without_keys(str(problem), None)
                    raise EnvironmentProblem("network-settings", problem=said) from None
            return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _unreachable() -> tuple[type[Exception], ...]:
    """Nothing was sent. UnicodeError: a host name that cannot be one."""
    import httpx

    connecting = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
    return (*connecting, httpx.InvalidURL, UnicodeError)


def _said(problem: Exception) -> str:
    """The name of what happened; httpx tells some of them without a word."""
    return f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
