"""Credit against sums written out: rewards of tokens, discounted deltas, whitening."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dajeong.training.advantages import generalised_advantages, token_rewards, whiten

rows = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=12)


def split(pairs: list[tuple[float, float]]) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    return first, second


@given(rows, st.floats(-5, 5), st.floats(0, 1))
def test_the_score_lands_on_the_last_token_and_divergence_on_each(
    pairs: list[tuple[float, float]], score: float, kl: float
) -> None:
    logs, reference = split(pairs)
    before = logs.clone(), reference.clone()
    found = token_rewards(score, logs, reference, kl)
    expected = [-kl * (log - other) for log, other in pairs]
    expected[-1] += score
    assert found.tolist() == pytest.approx(expected, abs=1e-12)
    assert torch.equal(logs, before[0]) and torch.equal(reference, before[1]), "what came in is left alone"


@given(rows, st.floats(0.1, 1), st.floats(0, 1))
def test_advantages_are_the_direct_sum_of_discounted_deltas(
    pairs: list[tuple[float, float]], gamma: float, lam: float
) -> None:
    rewards, values = split(pairs)
    advantages, returns = generalised_advantages(rewards, values, gamma, lam)
    count = len(pairs)
    following = [*(value for _, value in pairs[1:]), 0.0]
    deltas = [reward + gamma * after - value for (reward, value), after in zip(pairs, following, strict=True)]
    direct = [
        math.fsum((gamma * lam) ** (later - now) * deltas[later] for later in range(now, count))
        for now in range(count)
    ]
    assert advantages.tolist() == pytest.approx(direct, abs=1e-9)
    assert returns.tolist() == pytest.approx(
        [a + v for a, (_, v) in zip(direct, pairs, strict=True)], abs=1e-9
    )


@given(rows, st.floats(0.1, 1))
def test_with_lambda_one_returns_are_those_of_monte_carlo(
    pairs: list[tuple[float, float]], gamma: float
) -> None:
    rewards, values = split(pairs)
    returns = generalised_advantages(rewards, values, gamma, 1.0)[1]
    direct = [
        math.fsum(gamma ** (later - now) * pairs[later][0] for later in range(now, len(pairs)))
        for now in range(len(pairs))
    ]
    assert returns.tolist() == pytest.approx(direct, abs=1e-9)


@given(rows, st.floats(0.1, 1))
def test_with_lambda_zero_advantages_are_one_step_errors(
    pairs: list[tuple[float, float]], gamma: float
) -> None:
    rewards, values = split(pairs)
    advantages = generalised_advantages(rewards, values, gamma, 0.0)[0]
    after = torch.cat([values[1:], torch.zeros(1, dtype=torch.float64)])
    assert torch.allclose(advantages, rewards + gamma * after - values, atol=1e-12)


def test_the_end_is_the_end() -> None:
    """A perfect critic of a two-step toy is surprised by nothing."""
    rewards = torch.tensor([1.0, 2.0])
    advantages, returns = generalised_advantages(rewards, torch.tensor([3.0, 2.0]), 1.0, 0.95)
    assert advantages.tolist() == [0.0, 0.0] and returns.tolist() == [3.0, 2.0]


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_whitened_numbers_have_mean_zero_and_deviation_one(values: list[float]) -> None:
    given_numbers = torch.tensor(values, dtype=torch.float64)
    found = whiten(given_numbers)
    assert float(found.mean()) == pytest.approx(0, abs=1e-6)
    if float(given_numbers.std()) > 0.1:
        assert float(found.var(unbiased=False)) == pytest.approx(1, abs=1e-5)
    in_order = found[given_numbers.argsort()]
    assert bool((in_order.diff() >= 0).all()), "what was better stays better"


@pytest.mark.parametrize("values", [[4.0], [2.0, 2.0, 2.0], [1e30, 1e30]])
def test_numbers_without_spread_stay_finite(values: list[float]) -> None:
    assert bool(torch.isfinite(whiten(torch.tensor(values, dtype=torch.float64))).all())
