"""Macro-F1 is scikit-learn's; its interval is that of drawing items with replacement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from dajeong.evaluation import macro_f1

predicted = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@settings(max_examples=50)
@given(items=predicted)
def test_the_value_is_scikit_learns(items: list[tuple[int, int]]) -> None:
    answers, guesses = zip(*items, strict=True)
    ours = float(macro_f1.of_counts(macro_f1.table(4, items)))
    assert ours == pytest.approx(f1_score(answers, guesses, average="macro"), abs=1e-12)


def test_a_constant_predictor_gets_its_known_value() -> None:
    """KoBEST's WiC test set has 615 of 1,260 answers 예; always saying so is the published 0.3280."""
    always = [(1, 1)] * 615 + [(0, 1)] * 645
    assert float(macro_f1.of_counts(macro_f1.table(2, always))) == pytest.approx(0.3280, abs=5e-5)


def test_the_interval_is_that_of_resampled_items() -> None:
    chance = np.random.default_rng(3)
    answers = chance.integers(0, 2, 120)
    guesses = np.where(chance.random(120) < 0.7, answers, 1 - answers)
    found = macro_f1.mean_of([macro_f1.table(2, list(zip(answers, guesses, strict=True)))])
    drawn = chance.integers(0, 120, (250, 120))
    values = [f1_score(answers[places], guesses[places], average="macro") for places in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    assert found.low <= found.value <= found.high and found.n == 120


def test_a_difference_is_paired_and_of_a_model_from_itself_nothing() -> None:
    same = [(answer, guess, guess) for answer, guess in [(0, 0), (1, 1), (1, 0), (0, 1)] * 25]
    nothing = macro_f1.difference([macro_f1.table(2, same, columns=3)])
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)
    better = [(0, 0, 1)] * 30 + [(0, 0, 0)] * 30 + [(1, 1, 1)] * 60
    gain = macro_f1.difference([macro_f1.table(2, better, columns=3)])
    assert gain.value > 0 and gain.low > 0
    lost = macro_f1.difference([macro_f1.table(2, [(a, c, b) for a, b, c in better], columns=3)])
    assert lost.value == pytest.approx(-gain.value)


def test_a_mean_over_tasks_counts_each_alike() -> None:
    right, wrong = macro_f1.table(2, [(0, 0), (1, 1)] * 100), macro_f1.table(2, [(0, 1), (1, 0)])
    assert macro_f1.mean_of([right, wrong]).value == pytest.approx(0.5)
