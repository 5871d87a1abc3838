"""A server from start to end: its socket, its models, signals, the last replies. Knows no route."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.serving import chat_page
from dajeong.serving.app import build
from dajeong.serving.service import Loading, Service
from dajeong.serving.settings import ServeSettings
from dajeong.serving.shelf import Shelf

WRITING_S = 3
"""What the last chunks of finished replies may take on their way out."""


def serve(
    settings: ServeSettings,
    load: Callable[[], Shelf],
    key: str | None = None,
    on_listening: Callable[[str], None] = lambda url: None,
    on_ready: Callable[[Shelf], None] = lambda shelf: None,
) -> None:
    """Listen, load, answer until a signal comes. Raises DajeongError where that is not possible."""
    if not settings.is_loopback and not key:
        raise UsageProblem("serve-no-key", host=settings.host)
    listening = listen(settings.host, settings.port)
    service = Service(settings)
    try:
        server = Server(build(service, key, [chat_page.router], [chat_page.PATH]), service, load, on_ready)
        host, port = listening.getsockname()[:2]
        on_listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        server.run(sockets=[listening])
    finally:
        listening.close()
        service.close()
    if server.failure is not None:
        raise server.failure


def listen(host: str, port: int) -> socket.socket:
    """A socket there. Raises EnvironmentProblem where the port is taken or the address is not ours."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(512)
        return found
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise EnvironmentProblem("serve-port", host=host, port=port, problem=reason) from problem


class Server(uvicorn.Server):
    """uvicorn, but a signal drains the engine first, and a model that cannot be loaded ends it."""

    def __init__(
        self,
        app: FastAPI,
        service: Service,
        load: Callable[[], Shelf],
        on_ready: Callable[[Shelf], None] = lambda shelf: None,
    ) -> None:
        drain_s = service.settings.drain_s + WRITING_S
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(drain_s) + 1,
                timeout_keep_alive=30,
            )
        )
        self.service = service
        self.failure: Exception | None = None
        self._loading = Loading(service, load, on_ready, self._end)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loading.start()

    def _end(self, problem: Exception) -> None:
        self.failure = problem
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends at once. Neither is a failure."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.service.drain()
        self.should_exit = True
