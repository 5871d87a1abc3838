"""What asks for a reply and what comes back: the one method of every sampling engine. Knows tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from dajeong.records import Decoding, StopReason

OnToken = Callable[[int, int], bool | None]
"""(request index, token id) → False to cancel that request."""


class Request(NamedTuple):
    """One prompt to go on from."""

    ids: tuple[int, ...]
    seed: int
    decoding: Decoding
    role: str | None
    """The adapter that writes; None is the bare base."""
    stop_ids: frozenset[int]


class Completion(NamedTuple):
    """The tokens drawn for one request."""

    ids: tuple[int, ...]
    """With the stop token at its end when `stop_reason` is `eos`."""
    logprobs: tuple[float, ...]
    """Of each drawn token under softmax(logits / temperature) over the whole vocabulary, temperature 1 where
    greedy. Neither filters nor penalties enter: with them, a KL against another model could be negative."""
    stop_reason: StopReason


class Engine(Protocol):
    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        """A completion per request, in order. What a request draws depends on its own seed alone, not on its
        neighbours. A prompt that fills the context ends at once with `length`."""
