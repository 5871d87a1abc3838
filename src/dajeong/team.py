"""The processes of one run: rank 0 decides, locks and writes; the others join steps that share their work.

Alone there is nothing to agree on, and torch is not loaded. Launched together, rank 0's word reaches all, and
all end when one does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from dajeong.watch import Store, Watch, is_of_the_others, process_gone

T = TypeVar("T")

PATIENCE = timedelta(days=14)
"""The others wait this long for rank 0 to end a step of its own."""


_runs = itertools.count()
"""Numbers the runs of this process: each begins with a store that nobody has left."""


class Team(Protocol):
    rank: int

    def told(self, word: T) -> T:
        """Rank 0's `word`, on every process."""

    def as_one(self) -> contextlib.AbstractContextManager[None]:
        """Around all that the processes do together: where one ends, all do, and one of them says why."""


class Alone:
    rank = 0

    def told(self, word: T) -> T:
        return word

    def as_one(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Launched:
    """A gloo group of its own for words, whatever carries the gradients."""

    def __init__(self) -> None:
        import torch
        from torch import distributed

        from dajeong.training.processes import BACKEND

        if not distributed.is_initialized():
            distributed.init_process_group(BACKEND if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        self.group = distributed.new_group(backend="gloo", timeout=PATIENCE)

    def told(self, word: T) -> T:
        from torch import distributed

        box: list[Any] = [word]
        distributed.broadcast_object_list(box, src=0, group=self.group)
        return box[0]  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def as_one(self) -> Iterator[None]:
        watch = Watch(_store(), self.rank, self.world)
        watch.start()
        try:
            yield
        except Exception as problem:
            told = process_gone() if is_of_the_others(problem) else problem
            code = getattr(told, "exit_code", 1)
            if not watch.failed(code):
                raise SystemExit(code) from problem
            raise told from problem
        finally:
            watch.stop()


def _store() -> Store:
    """A connection of its own to the store of the launch: the threads of one would wait for each other."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.distributed.distributed_c10d import PrefixStore

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=10), wait_for_workers=False)
    return PrefixStore(f"dajeong/{next(_runs)}", store)


def team() -> Team:
    """The processes this one was launched with."""
    return Launched() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
