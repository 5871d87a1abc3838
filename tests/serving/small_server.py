"""A small run to serve, a server in a thread, and an engine that says what a test wrote down."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from openai import OpenAI

from dajeong.models.adapters import AdapterNotes, save_role
from dajeong.models.base import load_base
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.rollout.engine import Drawn, Request
from dajeong.serving import chat_page
from dajeong.serving.app import build
from dajeong.serving.listening import listen
from dajeong.serving.server import Server
from dajeong.serving.service import Service
from dajeong.serving.settings import ServeSettings
from dajeong.serving.shelf import Shelf
from dajeong.storage import write_text
from dajeong.templates import TEMPLATES

TINY = TinySettings(layers=1, hidden=32, heads=2, vocabulary=330, positions=256)
TEXTS = ["김치찌개 어때요? 좋아요! 같이 먹어요.", "오늘 날씨가 참 좋네요. 산책 갈까요?"] * 4
QUESTION = [{"role": "user", "content": "김치찌개 어때요?"}]


def write_run(run: Path) -> None:
    """A run folder with a base, two adapters that write differently, and a reward model."""
    base_folder = run / "models" / "base"
    write_tiny(base_folder, TEXTS, TINY, seed=1)
    base = load_base(str(base_folder))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # so wide that no greedy choice is a tie
        for weight in base.model.base.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=generator)
    base.model.base.save_pretrained(base_folder)
    for number, role in enumerate(("sft", "ppo", "reward")):
        base.model.add_role(role, LoraSettings(rank=4, alpha=8), trainable=False, seed=number)
        for layer in base.model.role_layers().values():
            torch.nn.init.normal_(layer.B[role], 0, 0.3, generator=generator)
        if role == "reward":
            base.model.add_head(role, trainable=False)
        notes = AdapterNotes(role="reward" if role == "reward" else "policy", reward_mean=0.5, max_tokens=200)
        save_role(base, role, run / "models" / role, TEMPLATES["koalpaca"], notes)
    write_text(run / "recipe.yaml", "steps:\n  base: {}\n  sft: {}\n  reward: {}\n  ppo: {}\n")


class Running:
    """A server on a port of its own; `service` is its inside."""

    def __init__(self, service: Service, port: int) -> None:
        self.service, self.port = service, port
        self.url = f"http://127.0.0.1:{port}"

    def client(self, **options: Any) -> OpenAI:
        given = {"base_url": f"{self.url}/v1", "api_key": "none", "max_retries": 0, "timeout": 30}
        return OpenAI(**{**given, **options})

    def idle(self, within_s: float = 10) -> None:
        """Wait until nothing is written any more."""
        wait_for(lambda: self.service.station.num_running + self.service.station.num_waiting == 0, within_s)


def wait_for(true: Callable[[], bool], within_s: float = 10) -> None:
    """Look again and again; fails where it does not come true."""
    looking = threading.Event()
    for _ in range(int(within_s / 0.005)):
        if true():
            return
        looking.wait(0.005)
    raise AssertionError("it did not come true in time")


@contextmanager
def serving(
    load: Callable[[], Shelf],
    *,
    engine: Any = None,
    key: str | None = None,
    ready: bool = True,
    **settings: Any,
) -> Iterator[Running]:
    """A server in a thread of this process."""
    service = Service(ServeSettings(port=0, **{"drain_s": 0, **settings}))
    if engine is not None:
        offer = service.offer
        service.offer = lambda shelf: offer(shelf, engine)  # type: ignore[method-assign, assignment]
    server = Server(build(service, key, [chat_page.router], [chat_page.PATH]), service, load)
    listening = listen("127.0.0.1", 0)
    running = Running(service, listening.getsockname()[1])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started and (service.is_ready or not ready), 30)
        yield running
    finally:
        server.should_exit = True
        service.drain()
        thread.join(30)
        service.close()
        listening.close()
    assert not thread.is_alive() and (server.failure is None or not ready)


class Scripted:
    """An engine that says the same to all, a token a step and request, when the test lets it."""

    def __init__(self, tokens: Sequence[int], context: int = 256, slots: int = 4) -> None:
        self.tokens, self.context, self.slots = tokens, context, slots
        self.said: dict[int, int] = {}
        self.requests: dict[int, Request] = {}
        self.cancelled: list[int] = []
        self.steps = 0
        self.most_steps = 1_000_000
        self.may_go = threading.Event()
        self.may_go.set()
        self.fails: Exception | None = None

    @property
    def num_running(self) -> int:
        return min(len(self.said), self.slots)

    @property
    def num_waiting(self) -> int:
        return max(0, len(self.said) - self.slots)

    def add(self, request: Request) -> int:
        key = len(self.requests)
        self.requests[key], self.said[key] = request, 0
        return key

    def cancel(self, key: int) -> None:
        if self.said.pop(key, None) is not None:
            self.cancelled.append(key)

    def clear(self) -> None:
        self.said.clear()

    def step(self) -> list[Drawn]:
        self.may_go.wait(0.02)
        if self.fails is not None:
            problem, self.fails = self.fails, None
            raise problem
        if not self.may_go.is_set() or self.steps >= self.most_steps:
            return []
        self.steps += 1
        return [self._next(key) for key in list(self.said)[: self.slots]]

    def _next(self, key: int) -> Drawn:
        token = self.tokens[self.said[key] % len(self.tokens)]
        self.said[key] += 1
        request = self.requests[key]
        ended = "eos" if token in request.stop_ids else None
        if self.said[key] >= request.decoding.max_new_tokens:
            ended = ended or "length"
        if ended:
            del self.said[key]
        return Drawn(key, token, -0.5, ((token, -0.5),)[: request.num_ranked], ended)  # type: ignore[arg-type]


def raw(port: int, request: bytes, timeout: float = 10) -> bytes:
    """What a server answers to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer
