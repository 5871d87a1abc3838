"""Where the labelling page listens: an address, a guard, the end by a signal. Knows no vote and no page."""

from __future__ import annotations

import os
import secrets
import socket

from starlette.types import ASGIApp

from dajeong.serving.guard import Guard
from dajeong.serving.settings import LOOPBACK

KEY_VARIABLE = "DAJEONG_LABEL_KEY"


def key_for(host: str) -> str | None:
    """None on this machine alone; else the one of the environment, or a new one."""
    return os.environ.get(KEY_VARIABLE) or (None if host in LOOPBACK else secrets.token_urlsafe(16))


def guarded(app: ASGIApp, host: str, key: str | None) -> Guard:
    """On this machine only its own names are answered to; elsewhere any name, with the key."""
    return Guard(app, key=key, hosts=LOOPBACK if host in LOOPBACK else None, open_paths=("/", "/health"))


def address(listener: socket.socket, key: str | None) -> str:
    """What to open. The key stands behind `#`, which browsers do not send."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"#key={key}" if key else "")


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Until a signal; requests under way are answered first."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listener])
