"""A server whose models say what a test wants, as fast or as slowly as it wants. No weights.

`Spoken` stands where the native engine does; all the rest, from HTTP to the mailbox, is the real thing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from small_server import serving

from dajeong.models.settings import TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.rollout.engine import Drawn, Request
from dajeong.serving.shelf import Shelf
from dajeong.templates import TEMPLATES

MODELS = ("ppo", "sft")
Script = Callable[[str, str], str]
"""(model, prompt as its template has it) → reply."""


def question(prompt: str) -> str:
    """What the user said last, under the template of KoAlpaca."""
    return prompt.rpartition("### 질문:")[2].partition("### 답변:")[0].strip()


class Spoken:
    """A `ContinuousEngine`. `hold()` lets no token out but those that `let` allows."""

    def __init__(self, tokenizer: TextTokenizer, script: Script) -> None:
        self.context = 2048
        self.script = script
        self.asked: list[tuple[str, str, Request]] = []
        """(model, prompt, request) of everything that came."""
        self.num_cancelled = 0
        self.fails = False
        self._tokenizer = tokenizer
        self._running: dict[int, list[int]] = {}
        self._allowed: int | None = None
        self._changed = threading.Condition()

    def hold(self) -> None:
        with self._changed:
            self._allowed = 0

    def let(self, count: int | None = None) -> None:
        """So many more tokens of every reply; None: all."""
        with self._changed:
            self._allowed = None if count is None else (self._allowed or 0) + count
            self._changed.notify()

    def add(self, request: Request) -> int:
        model, prompt = request.role or "", self._tokenizer.decode(request.ids)
        self.asked.append((model, prompt, request))
        reply = [*self._tokenizer.encode(self.script(model, question(prompt))), self._tokenizer.eos_id]
        self._running[len(self.asked)] = reply[: request.decoding.max_new_tokens]
        return len(self.asked)

    def cancel(self, key: int) -> None:
        self.num_cancelled += self._running.pop(key, None) is not None

    def step(self) -> list[Drawn]:
        if self.fails:
            raise RuntimeError("broken on purpose")
        with self._changed:
            if not self._changed.wait_for(lambda: self._allowed != 0, timeout=0.02):
                return []
            if self._allowed is not None:
                self._allowed -= 1
        drawn = [self._draw(key, left) for key, left in self._running.items()]
        self._running = {key: left for key, left in self._running.items() if left}
        return drawn

    def _draw(self, key: int, left: list[int]) -> Drawn:
        token = left.pop(0)
        ends = token == self._tokenizer.eos_id
        return Drawn(key, token, -1.0, (), "eos" if ends else None if left else "length")

    def clear(self) -> None:
        self._running.clear()

    @property
    def num_running(self) -> int:
        return len(self._running)

    @property
    def num_waiting(self) -> int:
        return 0


class Served(NamedTuple):
    url: str
    engine: Spoken
    votes: Path


@contextlib.contextmanager
def served(
    votes: Path | None, script: Script, models: tuple[str, ...] = MODELS, **given: Any
) -> Iterator[Served]:
    """The page and the API behind it, at a port of their own; the first of `models` is the default."""
    shelf, engine = spoken_shelf(script, models)
    with serving(lambda: shelf, engine=engine, votes=votes, **given) as running:
        yield Served(f"{running.url}/", engine, votes or Path())
        engine.let()


def spoken_shelf(script: Script, models: tuple[str, ...] = MODELS) -> tuple[Shelf, Spoken]:
    settings = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=128)
    tokenizer = TextTokenizer(tiny_tokenizer(["점심은 김치찌개가 좋겠어요."] * 3, settings))
    shelf = Shelf(None, tokenizer, models[0])  # type: ignore[arg-type]
    for name in models:
        shelf.put(name, name, TEMPLATES["koalpaca"])
    return shelf, Spoken(tokenizer, script)
