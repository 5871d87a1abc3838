"""Advantages of replies beside others to the same prompt, and shares of tokens, against sums written out."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dajeong.training.group_advantages import (
    EQUAL,
    STEADY,
    are_equal,
    group_relative,
    leave_one_out,
    weights_of,
)

quick = settings(deadline=None, max_examples=60)
rewards = st.integers(2, 6).flatmap(
    lambda size: st.lists(st.lists(st.floats(-5, 5), min_size=size, max_size=size), min_size=1, max_size=5)
)
SCALES = ("group", "batch", "none")


def table(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def differs(row: list[float]) -> bool:
    return max(row) - min(row) >= EQUAL


@quick
@given(rewards)
def test_group_relative_is_the_distance_from_the_mean_in_deviations(rows: list[list[float]]) -> None:
    found = group_relative(table(rows), "group")
    for row, advantages in zip(rows, found.tolist(), strict=True):
        mean, deviation = statistics.fmean(row), statistics.pstdev(row)
        expected = [(r - mean) / (deviation + STEADY) if differs(row) else 0.0 for r in row]
        assert advantages == pytest.approx(expected, abs=1e-6)


@quick
@given(rewards)
def test_without_a_scale_only_the_mean_is_taken_off(rows: list[list[float]]) -> None:
    for row, advantages in zip(rows, group_relative(table(rows), "none").tolist(), strict=True):
        expected = [r - statistics.fmean(row) if differs(row) else 0.0 for r in row]
        assert advantages == pytest.approx(expected, abs=1e-9)


@quick
@given(rewards)
def test_scaled_by_the_rollout_every_prompt_has_the_same_divisor(rows: list[list[float]]) -> None:
    deviation = statistics.pstdev([r for row in rows for r in row]) + STEADY
    plain, scaled = (group_relative(table(rows), scale) for scale in ("none", "batch"))
    assert torch.allclose(scaled * deviation, plain, atol=1e-6)


@quick
@given(rewards)
def test_leave_one_out_compares_with_the_mean_of_the_others(rows: list[list[float]]) -> None:
    for row, advantages in zip(rows, leave_one_out(table(rows), "none").tolist(), strict=True):
        others = [row[:place] + row[place + 1 :] for place in range(len(row))]
        expected = [
            r - statistics.fmean(rest) if differs(row) else 0.0 for r, rest in zip(row, others, strict=True)
        ]
        assert advantages == pytest.approx(expected, abs=1e-9)


@quick
@given(rewards, st.sampled_from(SCALES), st.booleans())
def test_advantages_of_a_prompt_sum_to_nothing_and_follow_the_order_of_rewards(
    rows: list[list[float]], scale: str, leave: bool
) -> None:
    advantages = (leave_one_out if leave else group_relative)(table(rows), scale)  # type: ignore[arg-type]
    assert advantages.sum(dim=1).tolist() == pytest.approx([0.0] * len(rows), abs=1e-5)
    for row, credit in zip(rows, advantages.tolist(), strict=True):
        if differs(row):
            assert sorted(row) == [r for _, r in sorted(zip(credit, row, strict=True))]


@quick
@given(rewards, st.floats(-3, 3), st.sampled_from(SCALES))
def test_a_prompt_that_pays_more_to_everybody_teaches_the_same(
    rows: list[list[float]], more: float, scale: str
) -> None:
    one = group_relative(table(rows[:1]), scale)  # type: ignore[arg-type]
    other = group_relative(table(rows[:1]) + more, scale)  # type: ignore[arg-type]
    if abs(max(rows[0]) - min(rows[0]) - EQUAL) > 1e-9:
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("advantages", [group_relative, leave_one_out])
@pytest.mark.parametrize("row", [[0.1] * 3, [1 / 3] * 7, [0.0] * 2, [1e6] * 4])
def test_equal_rewards_give_exactly_nothing(scale: str, advantages: object, row: list[float]) -> None:
    """0.1 · 3 / 3 is not 0.1: without the test for equality the noise stays."""
    both = torch.tensor([row, [float(place) for place in range(len(row))]])
    found = advantages(both, scale)  # type: ignore[operator]
    assert found[0].tolist() == [0.0] * len(row) and bool(found[1].any())
    assert are_equal(both).tolist() == [True, False]


def test_rounding_between_two_forwards_is_not_an_advantage() -> None:
    noisy = torch.tensor([[0.7311, 0.7311 + 3e-7, 0.7311 - 2e-7]])
    assert group_relative(noisy, "group").tolist() == [[0.0] * 3]
    little = torch.tensor([[0.0, 3e-5, 0.0, 3e-5]], dtype=torch.float64)
    assert 0 < float(group_relative(little, "group").abs().max()) < 0.2


@quick
@given(
    st.lists(st.lists(st.floats(-3, 3), min_size=1, max_size=6), min_size=1, max_size=5), st.integers(1, 20)
)
def test_the_three_aggregations_are_their_formulas(replies: list[list[float]], constant: int) -> None:
    def total(aggregation: str) -> float:
        shares = [weights_of(len(reply), aggregation, constant) for reply in replies]  # type: ignore[arg-type]
        above = sum(weight * math.fsum(reply) for (weight, _), reply in zip(shares, replies, strict=True))
        return above / sum(weight for _, weight in shares)

    count, tokens = len(replies), sum(map(len, replies))
    summed = math.fsum(token for reply in replies for token in reply)
    assert total("token") == pytest.approx(summed / tokens, abs=1e-9)
    means = [math.fsum(reply) / len(reply) for reply in replies]
    assert total("sequence") == pytest.approx(math.fsum(means) / count, abs=1e-9)
    assert total("constant") == pytest.approx(summed / (count * constant), abs=1e-9)
