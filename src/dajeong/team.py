"""The processes of one run: rank 0 decides, locks and writes; the others join steps that share their work.

Alone there is nothing to agree on, and torch is not loaded. Launched by torchrun, rank 0's word reaches all.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

PATIENCE = timedelta(days=14)
"""The others wait this long for rank 0 to end a step of its own."""


class Team(Protocol):
    rank: int

    def told(self, word: T) -> T:
        """Rank 0's `word`, on every process."""


class Alone:
    rank = 0

    def told(self, word: T) -> T:
        return word


class Launched:
    """A gloo group of its own for words, whatever carries the gradients."""

    def __init__(self) -> None:
        import torch
        from torch import distributed

        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
        self.rank = distributed.get_rank()
        self.group = distributed.new_group(backend="gloo", timeout=PATIENCE)

    def told(self, word: T) -> T:
        from torch import distributed

        box: list[Any] = [word]
        distributed.broadcast_object_list(box, src=0, group=self.group)
        return box[0]  # type: ignore[no-any-return]


def team() -> Team:
    """The processes this one was launched with."""
    return Launched() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
