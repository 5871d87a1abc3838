"""Intervals and tests against published examples, scipy, and what they promise: coverage and symmetry."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from dajeong import bootstrap
from dajeong.calibration import brier, calibration, of_pairs
from dajeong.statistics import (
    holm,
    mcnemar,
    mean,
    paired_conditional_shares,
    paired_mean,
    paired_shares,
    sign_test,
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
    monkeypatch.setattr(bootstrap, "AT_ONCE", 50 * 100)
    pieces = mean(values, num_resamples=999)
    assert pieces.low == pytest.approx(whole.low, abs=0.1) and pieces.high == pytest.approx(
        whole.high, abs=0.1
    )
    monkeypatch.setattr(bootstrap, "AT_ONCE", 1)
    assert mean(values, num_resamples=50).n == 50


@pytest.mark.parametrize("place", [0, 9])
def test_every_item_may_be_drawn(place: int) -> None:
    values = [float(index == place) for index in range(10)]
    assert mean(values).high > 0.1


def test_the_bootstrap_covers_the_truth() -> None:
    samples = np.random.default_rng(11).normal(0, 1, (600, 100))
    covered = [i.low <= 0 <= i.high for i in (mean(sample, num_resamples=400) for sample in samples)]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_shares_among_different_items_cover_the_truth() -> None:
    """Half of what counts succeeds in one system, a third in the other; which items count goes together."""
    chance, found = np.random.default_rng(37), []
    for luck in chance.random((400, 120)):
        counts = luck < 0.6, luck + chance.normal(0, 0.2, 120) < 0.6
        succeeds = chance.random(120) < 1 / 2, chance.random(120) < 1 / 3
        systems = [list(zip(*pair, strict=True)) for pair in zip(counts, succeeds, strict=True)]
        found.append(paired_conditional_shares(*systems, num_resamples=300))
    assert 0.93 <= np.mean([each.low <= 1 / 6 <= each.high for each in found]) <= 0.97


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


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_same_resamples_give_scipys_interval(clustered: bool, method: bootstrap.Method) -> None:
    """scipy is given our resamples, so nothing is left to chance."""
    chance = np.random.default_rng(8)
    values, clusters = chance.exponential(2, 90), np.sort(chance.integers(0, 25, 90))
    ours = mean(
        values, seed=3, num_resamples=999, clusters=clusters.tolist() if clustered else None, method=method
    )
    if clustered:
        columns = bootstrap.clustered(values, clusters.tolist())
        drawn = bootstrap.ratios(*columns, seed=3, num_resamples=999)
    else:
        columns, drawn = (values, np.ones(90)), bootstrap.means(values, 3, 999)
    oracle = stats.bootstrap(
        columns,
        lambda sums, counts, axis=-1: sums.sum(axis=axis) / counts.sum(axis=axis),
        n_resamples=0,
        bootstrap_result=SimpleNamespace(bootstrap_distribution=drawn),
        method=method,
        paired=True,
        vectorized=True,
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert ours.value == values.mean() and ours.n == 90


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_clustered_intervals_cover_the_truth(method: bootstrap.Method, spread: float) -> None:
    """100 prompts of 1 to 4 scores each, which share their prompt's luck where `spread` is above 0."""
    chance = np.random.default_rng(17)
    clusters = np.repeat(np.arange(100), chance.integers(1, 5, 100))
    luck = chance.normal(0, spread, (500, 100))[:, clusters]
    samples = luck + chance.normal(0, 1, luck.shape)
    found = [mean(s, num_resamples=500, clusters=clusters.tolist(), method=method) for s in samples]
    assert 0.93 <= np.mean([each.low <= 0 <= each.high for each in found]) <= 0.97
    if spread:
        naive = [mean(s, num_resamples=200) for s in samples[:200]]
        assert np.mean([each.low <= 0 <= each.high for each in naive]) < 0.9  # what clusters are for


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_paired_intervals_cover_the_truth(method: bootstrap.Method) -> None:
    chance = np.random.default_rng(23)
    easy = chance.normal(0, 3, (800, 100))
    first = easy + chance.normal(0.4, 1, easy.shape)
    found = [mean(differences, num_resamples=500, method=method) for differences in first - easy]
    assert 0.93 <= np.mean([each.low <= 0.4 <= each.high for each in found]) <= 0.97
    assert paired_mean(list(first[0]), list(easy[0])) == mean(first[0] - easy[0])


def test_a_skewed_mean_is_covered_better_with_the_correction() -> None:
    chance = np.random.default_rng(29)
    samples = chance.lognormal(0, 1, (500, 40))
    truth = np.exp(0.5)
    covered = {
        method: np.mean(
            [e.low <= truth <= e.high for e in (mean(s, num_resamples=500, method=method) for s in samples)]
        )
        for method in ("percentile", "bca")
    }
    assert covered["percentile"] < covered["bca"]


def test_clusters_of_one_are_no_clusters() -> None:
    values = np.random.default_rng(1).normal(0, 1, 40)
    alone = mean(values, clusters=[f"문항 {i}" for i in range(40)])
    assert (alone.low, alone.high) == pytest.approx(mean(values)[1:3], abs=1e-12)
    difference = paired_mean(list(values), [0.0] * 40, clusters=["한 문항", "다른 문항"] * 20)
    assert difference.value == pytest.approx(values.mean()) and difference.n == 40
    assert mean([2.0, 2.0, 2.0], method="bca")[:3] == (2, 2, 2)
    with pytest.raises(ValueError, match="one cluster a value"):
        mean(values, clusters=["가"])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=200))
def test_the_sign_test_is_scipys_binomial_and_on_shares_mcnemar(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    above, below = (sum(sign * (a - b) > 0 for a, b in pairs) for sign in (1, -1))
    expected = stats.binomtest(above, above + below).pvalue if above + below else 1.0
    assert sign_test(first, second) == pytest.approx(expected, abs=1e-12)
    shares = [a > 1 for a in first], [b > 1 for b in second]
    assert sign_test(*shares) == pytest.approx(mcnemar(*shares), abs=1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Holm (1979), stepwise
    assert holm([]) == [] and holm([0.2]) == [0.2] and holm([0.9, 0.8]) == [1, 1]
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([1.1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_nothing_and_bonferroni(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for raw, after in zip(p_values, corrected, strict=True):
        assert raw <= after <= min(1, raw * len(p_values)) + 1e-15
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [corrected[place] for place in order] == sorted(corrected)


def test_holm_keeps_the_promise_for_all_together() -> None:
    drawn = np.random.default_rng(31).random((2000, 8))
    assert np.mean([min(holm(row.tolist())) <= 0.05 for row in drawn]) == pytest.approx(0.05, abs=0.015)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=80))
def test_the_brier_score_is_scikit_learns(items: list[tuple[float, bool]]) -> None:
    stated, happened = zip(*items, strict=True)
    oracle = brier_score_loss(happened, stated, pos_label=True)
    assert brier(stated, happened).value == pytest.approx(oracle, abs=1e-12)


@pytest.mark.parametrize("decimals", [1, 2, 15])
def test_calibration_bins_are_scikit_learns(decimals: int) -> None:
    """Few decimals: many equal probabilities, which stay together."""
    chance = np.random.default_rng(3)
    stated = chance.random(200).round(decimals)
    happened = chance.random(200) < stated**2
    observed, means = calibration_curve(happened, stated, n_bins=10, strategy="quantile")
    ours = calibration(stated, happened)
    assert [each.stated for each in ours.bins] == pytest.approx(means, abs=1e-12)
    assert [each.observed.value for each in ours.bins] == pytest.approx(observed, abs=1e-12)
    assert sum(each.observed.n for each in ours.bins) == 200
    weights = [each.observed.n / 200 for each in ours.bins]
    assert ours.error == pytest.approx(np.dot(weights, np.abs(observed - means)), abs=1e-12)


def test_a_kept_probability_has_a_small_error_and_a_boast_a_large_one() -> None:
    chance = np.random.default_rng(9)
    stated = chance.uniform(0.5, 1, 4000)
    happened = (chance.random(4000) < stated).astype(float)
    kept, boast = calibration(stated, happened), calibration(np.full(4000, 0.99), happened)
    assert kept.error < 0.03 and len(kept.bins) == 10
    assert boast.error == pytest.approx(0.99 - happened.mean(), abs=1e-12) and len(boast.bins) == 1
    assert brier(stated, happened).high < brier(np.full(4000, 0.99), happened).low


def test_the_calibration_of_pairs_is_that_of_what_was_preferred() -> None:
    confidence, right = of_pairs([0.9, 0.2, 0.5])
    assert confidence.tolist() == [0.9, 0.8, 0.5] and right.tolist() == [1, 0, 0.5]
    for stated, happened in (([0.5], [1, 0]), ([], []), ([1.2], [1]), ([float("nan")], [1])):
        with pytest.raises(ValueError, match="expected"):
            brier(stated, happened)
