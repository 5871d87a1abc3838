"""What asks for a reply and what comes back: the methods of every sampling engine. Knows tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from dajeong.records import Decoding, StopReason

OnToken = Callable[[int, int], bool | None]
"""(request index, token id) → False to cancel that request."""
Ranked = tuple[tuple[int, float], ...]
"""Token ids with their log-probabilities, the likeliest first."""


class Request(NamedTuple):
    """One prompt to go on from."""

    ids: tuple[int, ...]
    seed: int
    decoding: Decoding
    role: str | None
    """The adapter that writes; None is the bare base."""
    stop_ids: frozenset[int]
    num_ranked: int = 0
    """How many of the likeliest tokens to tell beside each drawn one."""


class Completion(NamedTuple):
    """The tokens drawn for one request."""

    ids: tuple[int, ...]
    """With the stop token at its end when `stop_reason` is `eos`."""
    logprobs: tuple[float, ...]
    """Of each drawn token under softmax(logits / temperature) over the whole vocabulary, temperature 1 where
    greedy. Neither filters nor penalties enter: with them, a KL against another model could be negative."""
    stop_reason: StopReason


class Drawn(NamedTuple):
    """One token of one request, as it is drawn."""

    key: int
    token: int
    logprob: float
    """As in `Completion`."""
    ranked: Ranked
    stop_reason: StopReason | None
    """None while more will come."""


class Engine(Protocol):
    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        """A completion per request, in order. What a request draws depends on its own seed alone, not on its
        neighbours. A prompt that fills the context ends at once with `length`."""


class ContinuousEngine(Protocol):
    """Requests come and go between two tokens. Used from one thread."""

    context: int
    """Longest sequence, prompt and reply."""

    def add(self, request: Request) -> int:
        """Takes a request whose prompt leaves room for a reply; returns its key."""

    def cancel(self, key: int) -> None:
        """Nothing more is drawn for it; a key that is done already is no error."""

    def step(self) -> list[Drawn]:
        """One token more for some or all requests. May raise; `clear` then makes the engine usable again."""

    def clear(self) -> None:
        """Forget every request."""

    @property
    def num_running(self) -> int: ...

    @property
    def num_waiting(self) -> int: ...
