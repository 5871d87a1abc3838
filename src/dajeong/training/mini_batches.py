"""Which replies of a rollout make up which forward: keyed shares, token budgets, shares of processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from dajeong.models.runtime import permutation
from dajeong.models.scoring import fill
from dajeong.training.parallel import Parallel


class HasIds(Protocol):
    @property
    def ids(self) -> list[int]: ...


T = TypeVar("T", bound=HasIds)


def forwards(part: Sequence[T], num_roles: int, budget: int) -> Iterator[list[T]]:
    """Sequences of like length together, as many as `budget` tokens hold when `num_roles` read each."""
    lengths = [len(e.ids) * num_roles for e in part]
    order = sorted(range(len(part)), key=lambda index: lengths[index])
    for indices in fill(order, lengths, budget):
        yield [part[index] for index in indices]


def mini_batch(count: int, num_mini_batches: int, seed: int, rollout: int, place: int) -> list[int]:
    """Replies of the rollout's optimizer step `place`; each pass over the rollout has its own keyed order."""
    order = permutation(count, seed, "mini-batches", rollout, place // num_mini_batches)
    return order[place % num_mini_batches :: num_mini_batches]


def shared(picked: Sequence[T], num_roles: int, budget: int, parallel: Parallel) -> list[list[T]]:
    """This process's forwards of a mini-batch; every process gets equally many, some perhaps empty."""
    shares = [picked[rank :: parallel.world] for rank in range(parallel.world)]
    cut = [list(forwards(mine, num_roles, budget)) for mine in shares]
    most = max(map(len, cut))
    return [*cut[parallel.rank], *([[]] * (most - len(cut[parallel.rank])))]
