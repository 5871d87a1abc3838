"""Agreement and rank correlation against scikit-learn, scipy, a published example and the definitions."""

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from dajeong.agreement import cohen_kappa, kendall, krippendorff_alpha, spearman

votes = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=40)


@given(votes, st.sampled_from([None, "linear", "quadratic"]))
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]], weights: str | None) -> None:
    first, second = zip(*pairs, strict=True)
    if len({*first, *second}) == 1:
        with pytest.raises(ValueError, match="no value"):
            cohen_kappa(first, second, weights, num_resamples=1)
        return
    ours = cohen_kappa(first, second, weights, num_resamples=99).value
    assert ours == pytest.approx(cohen_kappa_score(first, second, weights=weights), abs=1e-12)


def test_kappa_takes_words_in_their_order_and_skips_missing_votes() -> None:
    order = ["싫음", "보통", "좋음"]
    first = ["싫음", "좋음", None, "보통", "좋음", "보통"]
    second = ["싫음", "보통", "좋음", "보통", None, "싫음"]
    ours = cohen_kappa(first, second, "quadratic", order)
    known = [(order.index(a), order.index(b)) for a, b in zip(first, second, strict=True) if a and b]
    oracle = cohen_kappa_score(*zip(*known, strict=True), weights="quadratic")
    assert ours.n == 4 and ours.value == pytest.approx(oracle, abs=1e-12)
    assert (
        cohen_kappa(first, second, "quadratic").value != ours.value
    )  # sorted by letter, the order is another
    with pytest.raises(ValueError, match="not in the order"):
        cohen_kappa(first, second, order=["싫음", "보통"])
    with pytest.raises(ValueError, match="both votes"):
        cohen_kappa([None, 1], [1, None])


KRIPPENDORFF: list[list[float | None]] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
"""Four observers, twelve units: Krippendorff (2011), section C."""


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_reproduces_the_published_example(level: str, published: float) -> None:
    ours = krippendorff_alpha(KRIPPENDORFF, level)
    assert ours.value == pytest.approx(published, abs=5e-4)
    assert ours.n == 11 and ours.low < ours.value <= ours.high <= 1


def alpha_by_pairs(votes: list[list[float | None]], ordinal: bool) -> float:
    """The definition, pair by pair: Krippendorff (2019), Content Analysis, §12.2.3."""
    items = [[v for v in item if v is not None] for item in zip(*votes, strict=True)]
    items = [item for item in items if len(item) > 1]
    pooled = [v for item in items for v in item]

    def apart(a: float, b: float) -> float:
        if not ordinal:
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(pooled.count(v) for v in set(pooled) if low <= v <= high)
        return float((between - (pooled.count(a) + pooled.count(b)) / 2) ** 2) if a != b else 0.0

    inside = sum(2 * apart(a, b) / (len(item) - 1) for item in items for a, b in combinations(item, 2))
    across = sum(2 * apart(a, b) for a, b in combinations(pooled, 2))
    return 1 - (inside / len(pooled)) / (across / (len(pooled) * (len(pooled) - 1)))


@pytest.mark.parametrize("level", ["ordinal", "interval"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_its_definition_pair_by_pair(level: str, seed: int) -> None:
    chance = random.Random(seed)
    table = [[chance.choice([None, 1, 2, 2, 4, 5]) for _ in range(15)] for _ in range(3)]
    ours = krippendorff_alpha(table, level, num_resamples=2).value
    assert ours == pytest.approx(alpha_by_pairs(table, level == "ordinal"), abs=1e-12)


def test_alpha_of_names_does_not_depend_on_them() -> None:
    names = [[None if v is None else f"표 {9 - v}" for v in rater] for rater in KRIPPENDORFF]
    assert krippendorff_alpha(names).value == pytest.approx(krippendorff_alpha(KRIPPENDORFF).value, abs=1e-12)


def test_chance_is_zero_agreement_one_and_nothing_is_refused() -> None:
    chance = np.random.default_rng(0)
    rated = chance.integers(1, 6, (2, 400))
    for found in (krippendorff_alpha(rated.tolist()), cohen_kappa(*rated.tolist())):
        assert found.low < 0 < found.high and abs(found.value) < 0.1
    same = rated[0].tolist()
    assert krippendorff_alpha([same, same]).value == cohen_kappa(same, same).value == 1
    with pytest.raises(ValueError, match="one vote only"):
        krippendorff_alpha([[1, 1], [1, 1]])
    with pytest.raises(ValueError, match="two votes"):
        krippendorff_alpha([[1, None], [None, 2]])


JOINT = np.array([[0.30, 0.06, 0.02], [0.08, 0.20, 0.06], [0.02, 0.06, 0.20]])
"""How often two raters give each pair of three votes."""


def _truth(expected: np.ndarray, weights: np.ndarray) -> float:
    return 1 - float((weights * JOINT).sum() / (weights * expected).sum())


def test_intervals_of_agreement_cover_the_truth() -> None:
    """Cohen's chance has a share of votes for each rater, Krippendorff's one for both."""
    rows, columns = JOINT.sum(axis=1), JOINT.sum(axis=0)
    truth = _truth(np.outer(rows, columns), 1 - np.eye(3))
    pooled = (rows + columns) / 2
    truth_alpha = _truth(np.outer(pooled, pooled), (np.arange(3)[:, None] - np.arange(3)) ** 2.0)
    chance, covered = np.random.default_rng(13), []
    for cells in chance.choice(9, (600, 120), p=JOINT.ravel()):
        votes = (cells // 3).tolist(), (cells % 3).tolist()
        kappa = cohen_kappa(*votes, num_resamples=400)
        alpha = krippendorff_alpha(votes, "interval", num_resamples=400)
        covered.append([kappa.low <= truth <= kappa.high, alpha.low <= truth_alpha <= alpha.high])
    assert np.all((np.mean(covered, axis=0) >= 0.93) & (np.mean(covered, axis=0) <= 0.97))


numbers = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=50)


@given(numbers)
def test_rank_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    for ours, oracle in ((spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        if len(set(first)) == 1 or len(set(second)) == 1:
            with pytest.raises(ValueError, match="constant"):
                ours(first, second)
        else:
            found = ours(first, second)
            assert found.value == pytest.approx(oracle(first, second).statistic, abs=1e-12)
            assert -1 <= found.low <= found.value <= found.high <= 1 and found.n == len(pairs)


def test_the_interval_of_a_rank_correlation_covers_the_truth() -> None:
    """ρ of a normal pair with correlation r is 6/π · asin(r/2), τ is 2/π · asin(r)."""
    chance, r = np.random.default_rng(1), 0.6
    drawn = chance.multivariate_normal([0, 0], [[1, r], [r, 1]], (400, 60))
    for ours, truth in ((spearman, 6 / np.pi * np.arcsin(r / 2)), (kendall, 2 / np.pi * np.arcsin(r))):
        found = [ours(sample[:, 0], sample[:, 1]) for sample in drawn]
        assert 0.92 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.98


def test_too_few_items_leave_everything_possible() -> None:
    assert spearman([1, 2, 3], [1, 2, 3])[1:3] == kendall([1, 2, 3, 4], [1, 2, 3, 4])[1:3] == (-1, 1)
