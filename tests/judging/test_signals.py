"""Loops, sameness and length of replies: known values, bounds, and what each of them does not see."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.judging.signals import distinct, repetition, signals_of

TEXTS = st.lists(st.text("가나다 .", max_size=30), min_size=1, max_size=6)


def test_a_loop_repeats_and_talk_does_not() -> None:
    assert repetition("좋아요 " * 20) > 0.9
    assert repetition("오늘 점심은 따뜻한 국수 한 그릇 어떠세요? 국물이 시원해요.") == 0
    assert repetition("네") == repetition("") == 0


def test_distinct_counts_pairs_of_words() -> None:
    assert distinct(["가 나", "가 나"]) == 3 / 6  # begin-가, 가-나, 나-end, each twice
    assert distinct(["네"]) == 1 and distinct(["네", "네"]) == 0.5


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_signals_stay_in_their_bounds_and_know_no_order(texts: list[str]) -> None:
    found = signals_of(texts)
    assert 0 <= found.repetition < 1 and 0 < found.distinct <= 1 and 0 <= found.length <= 30
    assert signals_of(texts[::-1]) == pytest.approx(found)


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_saying_everything_twice_halves_what_is_distinct(texts: list[str]) -> None:
    assert distinct([*texts, *texts]) == pytest.approx(distinct(texts) / 2)


def test_no_replies_have_no_signals() -> None:
    with pytest.raises(ValueError, match="no replies"):
        signals_of([])
