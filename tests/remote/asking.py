"""What the tests of the client share: requests, a clock that never waits, a client of a scripted server."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from dajeong.records import Decoding, Message
from dajeong.remote.client import Client
from dajeong.remote.pacing import Clock
from dajeong.remote.request import Request
from scripted_server import Server

PRICES = {"price_in": 1.0, "price_out": 2.0}


class Instant(Clock):
    """Waits are written down and over at once."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_700_000_000.0 + self.time

    def wait(self, seconds: float, halt: threading.Event) -> bool:
        with self._lock:
            self.waits.append(seconds)
            self.time += seconds
        return halt.is_set()


def asked(text: str, sample: int = 0, **more: Any) -> Request:
    decoding = Decoding(max_new_tokens=more.pop("max_new_tokens", 64))
    message = Message(role="user", content=text)
    return Request(messages=(message,), decoding=decoding, sample=sample, **more)


def questions(count: int) -> list[Request]:
    return [asked(f"{number}번째 질문입니다. 무엇을 먹을까요?") for number in range(count)]


def client(server: Server, cache: Path | None = None, clock: Clock | None = None, **more: Any) -> Client:
    """One request at a time unless told otherwise, so that faults come in order."""
    return Client(server.settings(**{"concurrency": 1} | more), cache, clock=clock or Instant())
