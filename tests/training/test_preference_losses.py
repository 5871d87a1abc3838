"""Losses over preferences: by hand, against the papers' formulas written out, at the edges of float32."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dajeong.training.preference_losses import (
    by_answer,
    direct,
    identity,
    log_odds,
    num_right,
    odds_ratio,
    prospect,
    reference_point,
)

WIDE = torch.float64
GAPS = st.lists(st.floats(-40, 40), min_size=1, max_size=6)


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=WIDE)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_by_answer_sums_the_tokens_of_each() -> None:
    found = by_answer(torch.tensor([-1.0, -2.0, -3.0, -4.0]), [3, 0, 1])
    assert found.tolist() == [-6.0, 0.0, -4.0]


def test_three_pairs_by_hand() -> None:
    """β = .1: leads 1, 0, −2; weights 1, ½, 2."""
    leads, weights = tensor([1.0, 0.0, -2.0]), tensor([1.0, 0.5, 2.0])
    expected = math.log1p(math.exp(-1)) + 0.5 * math.log(2) + 2 * math.log1p(math.exp(2))
    assert float(direct(leads, weights)) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(4.9136932)
    # IPO, τ = .25: the target is 2
    assert float(identity(leads, weights, 0.25)) == pytest.approx(1 + 0.5 * 4 + 2 * 16)


@settings(deadline=None, max_examples=60)
@given(gaps=GAPS, beta=st.floats(0.01, 2), epsilon=st.floats(0, 0.49))
def test_smoothed_labels_are_a_mixture_of_both_orders(gaps: list[float], beta: float, epsilon: float) -> None:
    leads, ones = beta * tensor(gaps), torch.ones(len(gaps), dtype=WIDE)
    expected = sum(
        -(1 - epsilon) * math.log(sigmoid(beta * gap)) - epsilon * math.log(sigmoid(-beta * gap))
        for gap in gaps
    )
    assert float(direct(leads, ones, epsilon)) == pytest.approx(expected, rel=1e-9)


def test_equal_models_start_at_known_losses() -> None:
    zero, one = tensor([0.0]), tensor([1.0])
    assert float(direct(zero, one)) == pytest.approx(math.log(2))
    assert float(identity(zero, one, 0.1)) == pytest.approx(25.0)
    assert float(prospect(zero, one, one, tensor(0.0), 0.1)) == 0.5  # type: ignore[arg-type]


def test_the_gradient_of_dpo_is_the_papers() -> None:
    """Rafailov et al. 2023, §4: −β σ(−β h) on the better log-probability, + on the worse."""
    better, worse = tensor([-3.0]).requires_grad_(), tensor([-2.5]).requires_grad_()
    direct(0.3 * (better - worse), tensor([1.0])).backward()
    expected = 0.3 * sigmoid(0.3 * 0.5)
    assert float(better.grad) == pytest.approx(-expected) and float(worse.grad) == pytest.approx(expected)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(
    ratios=GAPS,
    liked=st.lists(st.booleans(), min_size=6, max_size=6),
    z=st.floats(0, 5),
    weights=st.tuples(st.floats(0.1, 2), st.floats(0.1, 2)),
)
def test_kto_is_lambda_less_the_papers_value(
    ratios: list[float], liked: list[bool], z: float, weights: tuple[float, float]
) -> None:
    """Ethayarajh et al. 2024, eq. 7 and 8: v = λ_D σ(β(r − z)), or λ_U σ(β(z − r))."""
    beta, expected, mine = 0.2, 0.0, liked[: len(ratios)]
    for ratio, good in zip(ratios, mine, strict=True):
        wanted = weights[0] if good else weights[1]
        expected += wanted - wanted * sigmoid(beta * (ratio - z) if good else beta * (z - ratio))
    signs = tensor([1.0 if good else -1.0 for good in mine])
    valued = tensor([weights[0] if good else weights[1] for good in mine])
    found = prospect(tensor(ratios), signs, valued, torch.tensor(z, dtype=WIDE), beta)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_the_reference_point_is_a_weighted_mean() -> None:
    total, weight = reference_point(tensor([1.0, -2.0]), tensor([3.0, 1.0]))
    assert (float(total), float(weight)) == (1.0, 4.0)


@settings(deadline=None, max_examples=60)
@given(better=st.floats(-20, -1e-3), worse=st.floats(-20, -1e-3))
def test_odds_are_those_of_the_mean_token(better: float, worse: float) -> None:
    """Hong et al. 2024, eq. 4 and 7."""
    odds = [math.exp(value) / -math.expm1(value) for value in (better, worse)]
    found = log_odds(tensor([better, worse]))
    assert found.tolist() == pytest.approx([math.log(each) for each in odds], rel=1e-9, abs=1e-9)
    loss = odds_ratio(found[:1] - found[1:], tensor([1.0]))
    assert float(loss) == pytest.approx(math.log1p(odds[1] / odds[0]), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, -1e-9, -1e-4, -200.0])
def test_no_odds_and_no_lead_is_beyond_float32(value: float) -> None:
    mean = torch.tensor([value], requires_grad=True)
    odds = log_odds(mean)
    odds_ratio(odds, torch.ones(1)).backward()
    assert torch.isfinite(odds).all() and torch.isfinite(mean.grad).all()  # type: ignore[arg-type]
    leads = torch.tensor([-1e4, 1e4], requires_grad=True)
    direct(leads, torch.ones(2), 0.1).backward()
    assert torch.isfinite(leads.grad).all()  # type: ignore[arg-type]


def test_ties_are_half_right() -> None:
    assert float(num_right(tensor([2.0, 0.0, -1.0]))) == 1.5
