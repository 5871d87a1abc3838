"""A server from start to end: its models, signals, the last replies. Knows no route."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from dajeong.serving import chat_page
from dajeong.serving.app import build
from dajeong.serving.service import Loading, Service
from dajeong.serving.settings import ServeSettings
from dajeong.serving.shelf import Shelf

WRITING_S = 3
"""What the last chunks of finished replies may take on their way out."""


def serve(
    settings: ServeSettings,
    listening: socket.socket,
    load: Callable[[], Shelf],
    key: str | None = None,
    *,
    on_listening: Callable[[], None] = lambda: None,
    on_ready: Callable[[Shelf], None] = lambda shelf: None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Load, and answer until a signal comes. Raises DajeongError where the model cannot be had or fails."""
    service = Service(settings, log)
    try:
        server = Server(build(service, key, [chat_page.router], [chat_page.PATH]), service, load, on_ready)
        on_listening()
        server.run(sockets=[listening])
    finally:
        listening.close()
        service.close()
    if server.failure is not None:
        raise server.failure


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
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
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
