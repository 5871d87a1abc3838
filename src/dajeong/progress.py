"""How long work tells people where it is. Knows no terminal; without one it is quiet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Bar(Protocol):
    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move on by `steps`; `note` is a short reading such as a loss."""


class Progress(Protocol):
    def bar(self, code: str, total: int, **parameters: object) -> contextlib.AbstractContextManager[Bar]:
        """A bar named by the sentence `code` of `messages`, `total` steps long."""

    def say(self, code: str, **parameters: object) -> None:
        """One line: the sentence `code` of `messages`."""


class Quiet:
    """Progress that nobody watches."""

    @contextlib.contextmanager
    def bar(self, code: str, total: int, **parameters: object) -> Iterator[Bar]:
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        pass

    def say(self, code: str, **parameters: object) -> None:
        pass
