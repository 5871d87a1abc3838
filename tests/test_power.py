"""How many examples: the planned table, and what was promised, seen in simulated experiments."""

import math
import re
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from dajeong import power
from dajeong.statistics import mcnemar, wilson

ROUNDED = {"power": NormalDist().cdf(0.84), "confidence": 2 * NormalDist().cdf(1.96) - 1}
"""The quantiles 1.96 and 0.84, as printed tables round them."""

PLANNED = [
    (power.for_share, (0.60,), 194),
    (power.for_share, (0.55,), 782),
    (power.for_paired_means, (0.5, 1.3), 53),
    (power.for_paired_means, (0.5, 1.65), 86),
    (power.for_paired_means, (0.3, 1.3), 148),
    (power.for_paired_means, (0.3, 1.65), 238),
    (power.for_paired_means, (0.2, 1.3), 332),
    (power.for_paired_means, (0.2, 1.65), 534),
    (power.for_paired_means, (1.0, 3.9), 120),
    (power.for_paired_means, (0.5, 3.9), 477),
]


@pytest.mark.parametrize(("how_many", "asked", "planned"), PLANNED)
def test_the_table_of_the_plan_is_reproduced(how_many, asked, planned) -> None:
    assert how_many(*asked, **ROUNDED) == planned
    assert planned <= how_many(*asked) <= planned + 1  # quantiles that are not rounded


@pytest.mark.parametrize(("half_width", "planned"), [(0.10, 88), (0.07, 179), (0.05, 350), (0.03, 972)])
def test_a_ranking_accuracy_of_two_thirds_is_known_as_well_as_planned(
    half_width: float, planned: int
) -> None:
    assert power.for_precision(half_width, 0.65) == planned
    found = wilson(round(0.65 * planned), planned)
    assert (found.high - found.low) / 2 == pytest.approx(half_width, rel=0.03)
    assert power.for_precision(half_width) > planned  # ½ is the worst case


def test_well_known_examples() -> None:
    assert power.for_unpaired_shares(0.6, 0.5) == 388  # Fleiss's classic, without the continuity correction
    assert power.for_unpaired_shares(0.5, 0.6) == power.for_unpaired_shares(0.6, 0.5)
    assert power.for_paired_means(0.5, 1) == 32  # d = .5: 33 or 34 by the t distribution


def found_in(experiments: list[float]) -> float:
    return float(np.mean([p_value < 0.05 for p_value in experiments]))


def test_a_share_is_found_as_often_as_promised() -> None:
    n, chance = power.for_share(0.65), np.random.default_rng(0)
    wins = chance.binomial(n, 0.65, 4000)
    beyond = np.abs(wins / n - 0.5) / math.sqrt(0.25 / n) > 1.96
    assert beyond.mean() == pytest.approx(0.8, abs=0.03)


def test_a_paired_difference_is_found_as_often_as_promised() -> None:
    """The exact McNemar test is a little careful, so it may find somewhat less, and never more."""
    n, chance = power.for_paired_shares(0.15, 0.05), np.random.default_rng(1)
    drawn = chance.multinomial(n, [0.15, 0.05, 0.8], 400)
    tables = [([True] * a + [False] * b, [False] * a + [True] * b) for a, b, _ in drawn]
    assert 0.70 < found_in([mcnemar(*table) for table in tables]) < 0.83


def test_a_mean_difference_is_found_as_often_as_promised() -> None:
    n, chance = power.for_paired_means(0.3, 1.3), np.random.default_rng(2)
    drawn = chance.normal(0.3, 1.3, (4000, n))
    beyond = np.abs(drawn.mean(axis=1)) / (drawn.std(axis=1, ddof=1) / math.sqrt(n)) > 1.96
    assert beyond.mean() == pytest.approx(0.8, abs=0.03)


def test_pairing_and_larger_differences_need_fewer() -> None:
    assert power.for_paired_shares(0.15, 0.05) < power.for_unpaired_shares(0.7, 0.6)
    assert power.for_share(0.7) < power.for_share(0.6) < power.for_share(0.6, power=0.9)
    assert power.for_share(0.6) < power.for_share(0.6, confidence=0.99)
    assert power.for_share(0.4) == power.for_share(0.6)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: power.for_share(0.5),
        lambda: power.for_share(1.2),
        lambda: power.for_precision(0),
        lambda: power.for_paired_shares(0.6, 0.6),
        lambda: power.for_paired_means(0.1, 0),
        lambda: power.for_paired_means(math.nan, 1),
        lambda: power.for_share(0.6, power=1),
    ],
)
def test_questions_without_an_answer_are_refused(ask) -> None:
    with pytest.raises(ValueError):
        ask()


def test_the_table_of_the_page_is_what_the_functions_say() -> None:
    page = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"\| `(for_\w+)` \| ([\d, ]+?)(?: of each)? \|", page))
    assert {name: [int(n) for n in found.split(", ")] for name, found in said.items()} == {
        "for_share": [power.for_share(0.6), power.for_share(0.55)],
        "for_precision": [power.for_precision(width, 0.65) for width in (0.1, 0.07, 0.05, 0.03)],
        "for_paired_shares": [power.for_paired_shares(0.15, 0.05)],
        "for_unpaired_shares": [power.for_unpaired_shares(0.6, 0.7)],
        "for_paired_means": [power.for_paired_means(difference, 1.3) for difference in (0.5, 0.3, 0.2)],
    }
