"""Every loss against a plain loop over Python floats, and at the ends of what numbers can be."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dajeong.training.losses import (
    centring,
    clip_fraction,
    clipped_policy,
    clipped_value,
    k3,
    negative_log_likelihood,
    ranking,
)

numbers = st.floats(-8, 8)
logs = st.floats(-20, 0)


def columns(kind: st.SearchStrategy[float], width: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*[kind] * width), min_size=1, max_size=12)


def tensors(rows: list[tuple[float, ...]]) -> list[Tensor]:
    return [torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True)]


def close(found: Tensor, expected: float) -> None:
    assert found.shape == ()
    assert float(found) == pytest.approx(expected, rel=1e-10, abs=1e-10)


@given(columns(logs, 1))
def test_likelihood_is_the_sum_over_tokens(rows: list[tuple[float, ...]]) -> None:
    close(negative_log_likelihood(*tensors(rows)), -math.fsum(row[0] for row in rows))


@given(columns(numbers, 3))
def test_ranking_is_log_loss_of_the_difference(rows: list[tuple[float, ...]]) -> None:
    better, worse, weights = tensors([(plus, minus, abs(weight)) for plus, minus, weight in rows])
    expected = math.fsum(abs(weight) * math.log1p(math.exp(minus - plus)) for plus, minus, weight in rows)
    close(ranking(better, worse, weights), expected)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_k_wise_ranking_is_the_mean_over_all_pairs_of_a_prompt(size: int) -> None:
    draw = random.Random(size)
    rewards = [draw.gauss(0, 2) for _ in range(size)]
    pairs = list(itertools.combinations(range(size), 2))
    assert len(pairs) == math.comb(size, 2)
    mean = sum(-math.log(1 / (1 + math.exp(rewards[b] - rewards[a]))) for a, b in pairs) / len(pairs)
    better = torch.tensor([rewards[a] for a, _ in pairs], dtype=torch.float64)
    worse = torch.tensor([rewards[b] for _, b in pairs], dtype=torch.float64)
    close(
        ranking(better, worse, torch.full((len(pairs),), 1 / math.comb(size, 2), dtype=torch.float64)), mean
    )


@pytest.mark.parametrize(("gap", "loss"), [(-200.0, 200.0), (200.0, 0.0), (-1e30, 1e30)])
def test_ranking_stays_finite_where_a_naive_logarithm_overflows(gap: float, loss: float) -> None:
    better = torch.tensor([gap], requires_grad=True)
    found = ranking(better, torch.zeros(1), torch.ones(1))
    found.backward()
    assert float(found.detach()) == pytest.approx(loss, rel=1e-6, abs=1e-6)
    assert better.grad is not None and bool(torch.isfinite(better.grad).all())


@given(columns(numbers, 3))
def test_centring_squares_the_sum(rows: list[tuple[float, ...]]) -> None:
    close(centring(*tensors(rows)), math.fsum(w * (a + b) ** 2 for a, b, w in rows))


@given(columns(st.floats(-3, 3), 3), st.floats(0.01, 0.9))
def test_policy_takes_the_worse_of_ratio_and_clipped_ratio(
    rows: list[tuple[float, ...]], clip: float
) -> None:
    expected = 0.0
    for log, old, advantage in rows:
        ratio = math.exp(log - old)
        near = min(max(ratio, 1 - clip), 1 + clip)
        expected -= min(advantage * ratio, advantage * near)
    close(clipped_policy(*tensors(rows), clip), expected)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [
        (1.5, 1.0, False),
        (1.5, -1.0, True),
        (0.5, 1.0, True),
        (0.5, -1.0, False),
        (1.1, 1.0, True),
        (0.9, -1, True),
    ],
)
def test_a_clipped_ratio_pushes_only_back_towards_one(ratio: float, advantage: float, moves: bool) -> None:
    log = torch.tensor([math.log(ratio)], requires_grad=True)
    clipped_policy(log, torch.zeros(1), torch.tensor([advantage]), 0.2).backward()
    assert log.grad is not None
    assert float(log.grad) == pytest.approx(-advantage * ratio if moves else 0.0)


def test_before_the_first_step_the_policy_gradient_is_the_advantage() -> None:
    logs = torch.tensor([-1.0, -2.0, -0.5], requires_grad=True)
    advantages = torch.tensor([0.3, -1.2, 2.0])
    clipped_policy(logs, logs.detach().clone(), advantages, 0.2).backward()
    assert logs.grad is not None and torch.equal(logs.grad, -advantages)


@given(columns(numbers, 3), st.floats(0.01, 2))
def test_value_takes_the_worse_of_both_errors(rows: list[tuple[float, ...]], clip: float) -> None:
    expected = 0.0
    for value, old, goal in rows:
        near = old + min(max(value - old, -clip), clip)
        expected += max((value - goal) ** 2, (near - goal) ** 2) / 2
    close(clipped_value(*tensors(rows), clip), expected)


@given(columns(st.floats(-2, 2), 2), st.floats(0.01, 0.9))
def test_clip_fraction_counts_what_left_the_band(rows: list[tuple[float, ...]], clip: float) -> None:
    expected = sum(abs(math.exp(log - old) - 1) > clip for log, old in rows)
    assert int(clip_fraction(*tensors(rows), clip)) == expected


@given(columns(logs, 2))
def test_k3_is_never_negative_and_its_terms_are_the_formula(rows: list[tuple[float, ...]]) -> None:
    found = k3(*tensors(rows))
    gaps = [reference - log for log, reference in rows]
    expected = math.fsum(math.expm1(gap) - gap for gap in gaps)
    assert float(found) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(found) >= -1e-12


def test_k3_of_equals_is_exactly_zero_and_its_mean_is_the_divergence() -> None:
    logs = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert float(k3(logs, logs)) == 0.0
    policy, reference = (
        torch.tensor(given, dtype=torch.float64).log_softmax(0) for given in ([1, 0, 2], [0, 1, 1])
    )
    exact = float((policy.exp() * (policy - reference)).sum())
    each = [float(k3(policy[i : i + 1], reference[i : i + 1])) for i in range(3)]
    assert sum(float(p) * term for p, term in zip(policy.exp(), each, strict=True)) == pytest.approx(exact)


def test_no_token_and_no_pair_cost_nothing_and_keep_their_gradient() -> None:
    none = torch.zeros(0, requires_grad=True)
    empty = torch.zeros(0)
    total = (
        negative_log_likelihood(none)
        + ranking(none, empty, empty)
        + centring(none, empty, empty)
        + clipped_policy(none, empty, empty, 0.2)
        + clipped_value(none, empty, empty, 0.2)
        + k3(none, empty)
    )
    total.backward()
    assert float(total.detach()) == 0.0 and none.grad is not None
