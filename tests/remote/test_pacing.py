"""Limits per minute, told pauses and growing waits, on a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dajeong.remote.pacing import LONGEST_WAIT, Bucket, told_wait, wait_before


@given(
    rate=st.floats(1, 6000),
    amounts=st.lists(st.floats(0.1, 50), min_size=1, max_size=40),
    pauses=st.lists(st.floats(0, 30), min_size=40, max_size=40),
)
def test_no_minute_holds_more_than_its_share(rate: float, amounts: list[float], pauses: list[float]) -> None:
    """Between any two uses lies the time that what was taken at the first, and between them, is worth."""
    time = [0.0]
    bucket = Bucket(rate, lambda: time[0])
    used: list[tuple[float, float]] = []
    for amount, pause in zip(amounts, pauses, strict=False):
        time[0] += pause
        used.append((time[0] + bucket.take(amount), amount))
    for first in range(len(used)):
        for last in range(first, len(used)):
            taken = sum(amount for _, amount in used[first:last])
            assert used[last][0] - used[first][0] >= taken / (rate / 60) - 1.0 - 1e-6, (
                "a second's worth is free"
            )


def test_waits_double_up_to_a_bound_and_are_drawn() -> None:
    assert [wait_before(attempt, None, lambda: 1.0) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert wait_before(3, None, lambda: 0.0) == 4 and wait_before(10**4, None) <= LONGEST_WAIT
    assert wait_before(5, 10.0, lambda: 0.0) == 10 and 10 < wait_before(0, 10.0, lambda: 1.0) < 13


@given(st.text(max_size=40))
def test_a_pause_that_is_no_pause_is_none(text: str) -> None:
    told = told_wait({"retry-after": text}, 0.0)
    assert told is None or 0 <= told < float("inf")
