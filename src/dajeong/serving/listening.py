"""Where a server listens: an address that can be had, and a key where others can reach it. Loads nothing."""

from __future__ import annotations

import socket

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.serving.settings import LOOPBACK


def listen(host: str, port: int, key: str | None = None) -> socket.socket:
    """A socket there. Raises UsageProblem where others reach it and there is no key, EnvironmentProblem where
    the port is taken or the address is not this machine's.
    """
    if host not in LOOPBACK and not key:
        raise UsageProblem("serve-no-key", host=host)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)  # asyncio sends at once only where TCP is named
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(512)
        except BaseException:
            found.close()
            raise
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise EnvironmentProblem("serve-port", host=host, port=port, problem=reason) from problem
    return found


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
