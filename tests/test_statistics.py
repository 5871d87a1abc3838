"""Intervals and tests against published examples, scipy, and what they promise: coverage and symmetry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dajeong import statistics
from dajeong.statistics import (
    mcnemar,
    mean,
    paired_conditional_shares,
    paired_mean,
    paired_shares,
    wilson,
)


def outcomes(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    cells = [(True, True)] * both + [(True, False)] * only_first
    cells += [(False, True)] * only_second + [(False, False)] * neither
    return [first for first, _ in cells], [second for _, second in cells]


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    successes, n = counts
    oracle = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    ours = wilson(successes, n)
    assert ours.value == successes / n
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert ours.low <= ours.value <= ours.high


def test_wilson_counts_a_tie_as_half() -> None:
    assert wilson(10, 20).low < wilson(10.5, 20).low < wilson(11, 20).low


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0"):
        wilson(successes, n)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((1, 1, 7, 12), -0.507, -0.026),  # Fagerland, Lydersen and Laake (2014): airway reactivity
        ((14, 5, 0, 22), 0.011, 0.226),  # Altman et al. (2000), Statistics with Confidence, table 6.2
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe (1998), table of examples, method 10
    ],
)
def test_paired_shares_reproduce_published_intervals(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    digits = len(str(high).split(".")[1])
    ours = paired_shares(*outcomes(*table))
    assert (round(ours.low, digits), round(ours.high, digits)) == (low, high)


def test_two_rates_of_zero_still_have_a_width() -> None:
    ours = paired_shares([False] * 250, [False] * 250)
    assert ours.value == 0
    assert ours.high == -ours.low == pytest.approx(wilson(0, 250).high)
    assert 0.01 < ours.high < 0.05


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(any))
def test_exchanging_the_systems_mirrors_the_interval(table: tuple[int, int, int, int]) -> None:
    first, second = outcomes(*table)
    one, other = paired_shares(first, second), paired_shares(second, first)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-12)
    assert -1 <= one.low <= one.value <= one.high <= 1


@pytest.mark.parametrize("cells", [(0.02, 0.03, 0.01, 0.94), (0.5, 0.25, 0.05, 0.2), (0.0, 0.02, 0.02, 0.96)])
def test_paired_shares_cover_the_truth(cells: tuple[float, ...]) -> None:
    chance = np.random.default_rng(3)
    truth = cells[1] - cells[2]
    intervals = [paired_shares(*outcomes(*map(int, drawn))) for drawn in chance.multinomial(120, cells, 600)]
    assert 0.93 <= np.mean([i.low <= truth <= i.high for i in intervals]) <= 1.0


@given(st.tuples(*[st.integers(0, 80)] * 4).filter(any))
def test_mcnemar_is_the_sign_test_of_what_differs(table: tuple[int, int, int, int]) -> None:
    p_value = mcnemar(*outcomes(*table))
    differing = table[1] + table[2]
    expected = stats.binomtest(table[1], differing).pvalue if differing else 1.0
    assert p_value == pytest.approx(expected, abs=1e-12)


def test_mcnemar_holds_for_large_counts() -> None:
    assert 0 < mcnemar(*outcomes(0, 2000, 1500, 0)) < 1e-15


def test_the_mean_and_its_interval_follow_the_seed() -> None:
    values = np.random.default_rng(0).normal(3, 2, 200)
    assert mean(values, seed=1) == mean(values, seed=1)
    assert mean(values, seed=1) != mean(values, seed=2)
    assert mean(values).value == values.mean()


def test_the_bootstrap_is_scipys() -> None:
    values = np.random.default_rng(5).exponential(2, 150)
    oracle = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=1
    ).confidence_interval
    ours = mean(values)
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=0.02)


def test_resampling_in_pieces_changes_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another cut of the same stream: every resample is there, none twice."""
    values = [float(i % 7) for i in range(50)]
    whole = mean(values, num_resamples=999)
    monkeypatch.setattr(statistics, "AT_ONCE", 50 * 100)
    pieces = mean(values, num_resamples=999)
    assert pieces.low == pytest.approx(whole.low, abs=0.1) and pieces.high == pytest.approx(
        whole.high, abs=0.1
    )
    monkeypatch.setattr(statistics, "AT_ONCE", 1)
    assert mean(values, num_resamples=50).n == 50


@pytest.mark.parametrize("place", [0, 9])
def test_every_item_may_be_drawn(place: int) -> None:
    values = [float(index == place) for index in range(10)]
    assert mean(values).high > 0.1


def test_the_bootstrap_covers_the_truth() -> None:
    chance = np.random.default_rng(11)
    samples = [chance.normal(0, 1, 60) for _ in range(300)]
    covered = [i.low <= 0 <= i.high for i in (mean(sample, num_resamples=500) for sample in samples)]
    assert 0.90 <= np.mean(covered) <= 0.98


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    chance = np.random.default_rng(2)
    easy = chance.normal(0, 5, 100)
    better, worse = easy + 1 + chance.normal(0, 0.5, 100), easy
    difference = paired_mean(list(better), list(worse))
    assert difference.excludes_zero and difference.low > 0.5
    assert difference.high - difference.low < mean(better).high - mean(better).low


def test_shares_among_different_items_are_compared() -> None:
    chance = np.random.default_rng(4)
    counts = [(bool(a), bool(b)) for a, b in chance.random((300, 2)) < 0.6]
    fewer = [(a, b and chance.random() < 0.5) for a, b in counts]
    difference = paired_conditional_shares(counts, fewer)
    expected = np.mean([b for a, b in counts if a]) - np.mean([b for a, b in fewer if a])
    assert difference.value == pytest.approx(expected)
    assert difference.low < difference.value < difference.high and difference.excludes_zero
    assert paired_conditional_shares(counts, counts)[:3] == (0, 0, 0)


def test_success_where_nothing_counts_is_no_success() -> None:
    first = [(True, True), (False, True), (False, True)]
    second = [(True, False), (True, True), (False, True)]
    assert paired_conditional_shares(first, second).value == 0.5
    with pytest.raises(ValueError, match="nothing counts"):
        paired_conditional_shares([(False, True)], [(True, True)])


def test_unpaired_and_empty_values_are_refused() -> None:
    for compare in (paired_mean, paired_shares, mcnemar):
        with pytest.raises(ValueError, match="as many of each"):
            compare([True], [True, False])
        with pytest.raises(ValueError, match="at least one"):
            compare([], [])
    with pytest.raises(ValueError, match="at least one"):
        mean([])
