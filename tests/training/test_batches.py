"""Every example once an epoch, whatever the budget and the number of processes; the key gives the order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.training.batches import Cursor, epoch_plan, share

lengths_of = st.lists(st.integers(1, 60), min_size=1, max_size=80)
budgets = st.integers(16, 200)


@given(lengths_of, budgets, st.integers(0, 3))
def test_an_epoch_has_every_example_once_within_the_budget(
    lengths: list[int], budget: int, seed: int
) -> None:
    plan = epoch_plan(lengths, budget, seed)
    assert Counter(index for update in plan for index in update) == Counter(range(len(lengths)))
    assert all(len(update) == 1 or sum(lengths[i] for i in update) <= budget for update in plan)
    assert all(plan), "no empty update"


@given(lengths_of, budgets)
def test_the_order_follows_from_the_key_alone(lengths: list[int], budget: int) -> None:
    assert epoch_plan(lengths, budget, 1, "sft", 0) == epoch_plan(lengths, budget, 1, "sft", 0)


def test_another_key_is_another_order() -> None:
    lengths = [10] * 64
    plans = [str(epoch_plan(lengths, 40, *key)) for key in ((1, 0), (1, 1), (2, 0), (10,), (1, 0, "x"))]
    assert len(set(plans)) == len(plans)


def test_neighbours_are_alike_so_that_little_is_padded() -> None:
    lengths = [1 + (37 * index) % 100 for index in range(400)]
    plan = epoch_plan(lengths, 500, 0)
    padded = sum(len(update) * max(lengths[i] for i in update) for update in plan)
    assert padded < 1.15 * sum(lengths)
    firsts = [min(lengths[i] for i in update) for update in plan]
    assert firsts != sorted(firsts), "but short updates do not all come first"


@given(lengths_of, budgets, st.integers(1, 5))
def test_processes_share_an_update_evenly(lengths: list[int], budget: int, world: int) -> None:
    group = list(range(len(lengths)))
    shares = [share(group, lengths, budget, rank, world) for rank in range(world)]
    assert len({len(mine) for mine in shares}) == 1, "every process needs as many micro-batches"
    everything = [index for mine in shares for micro in mine for index in micro]
    assert sorted(everything) == group
    for mine in shares:
        assert all(len(micro) <= 1 or sum(lengths[i] for i in micro) <= budget for micro in mine)


def test_one_process_cuts_an_update_only_where_the_budget_says() -> None:
    assert share([4, 2, 0], [5, 9, 5, 9, 5], 100, 0, 1) == [[4, 2, 0]]
    assert share([4, 2, 0], [5, 9, 5, 9, 5], 10, 0, 1) == [[4, 2], [0]]


@pytest.mark.parametrize("world", [2, 3])
def test_a_lone_example_leaves_the_others_idle(world: int) -> None:
    shares = [share([7], [1] * 8, 16, rank, world) for rank in range(world)]
    assert sorted(shares) == sorted([[[7]], *[[[]]] * (world - 1)])


@given(lengths_of, budgets, st.integers(0, 40))
def test_a_cursor_goes_on_from_two_integers(lengths: list[int], budget: int, steps: int) -> None:
    walked = Cursor(lengths, budget, 5)
    for _ in range(steps):
        walked.advance()
    moved = Cursor(lengths, budget, 5)
    moved.move(walked.epoch, walked.place)
    for _ in range(5):
        assert (walked.group(), walked.per_epoch) == (moved.group(), moved.per_epoch)
        walked.advance()
        moved.advance()


def test_every_epoch_is_shuffled_anew() -> None:
    cursor = Cursor([10] * 40, 40, 0)
    epochs = []
    for epoch in range(3):
        assert (cursor.epoch, cursor.place) == (epoch, 0)
        epochs.append([])
        for _ in range(cursor.per_epoch):
            epochs[-1].extend(cursor.group())
            cursor.advance()
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert len({str(epoch) for epoch in epochs}) == 3
