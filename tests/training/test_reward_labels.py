"""What the loss makes of a ranking, and what the gate makes of rewards: pure, record by record."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from reward_parts import preference

from dajeong.errors import DataProblem, UsageProblem
from dajeong.records import Response
from dajeong.training.reward_gate import Read, faults, statistics_of
from dajeong.training.reward_labels import Pair, check, num_ties, pairs_of, weight_of
from dajeong.training.reward_settings import LabelSettings, RewardGateSettings

SOFT = LabelSettings(ties="soft")


@examples(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) > 1))
def test_every_two_responses_are_a_pair_when_ties_are_soft(sizes: list[int]) -> None:
    places = iter(range(sum(sizes)))
    ranking = tuple(tuple(next(places) for _ in range(size)) for size in sizes)
    record = preference("p", *map(str, range(sum(sizes))), ranking=ranking)
    pairs = pairs_of(record, SOFT)
    every = set(itertools.combinations(range(sum(sizes)), 2))
    assert {(pair.better, pair.worse) for pair in pairs} == every and len(pairs) == len(every)
    rank = {place: number for number, group in enumerate(ranking) for place in group}
    assert all(pair.label == (0.5 if rank[pair.better] == rank[pair.worse] else 1) for pair in pairs)
    ordered = pairs_of(record, LabelSettings())
    assert ordered == [pair for pair in pairs if pair.label == 1], "by default a tie is no pair"
    assert num_ties([record, record]) == 2 * (len(pairs) - len(ordered))


def graded(*scores: dict[str, float]) -> tuple[Response, ...]:
    return tuple(Response(content=str(place), scores=each) for place, each in enumerate(scores))


@pytest.mark.parametrize(
    ("better", "worse", "margin"),
    [
        ({"a": 5, "b": 4}, {"a": 3, "b": 3}, 1.0 + 0.5 * 3),
        ({"a": 5, "c": 9}, {"a": 3, "b": 3}, 1.0 + 0.5 * 2),
        ({"a": 2}, {"a": 3}, 1.0),
        ({"a": 2}, {"b": 1}, 1.0),
        ({}, {}, 1.0),
    ],
    ids=["sum", "shared criteria alone", "scores against the ranking", "none shared", "no scores"],
)
def test_a_margin_grows_with_the_distance_in_scores(
    better: dict[str, float], worse: dict[str, float], margin: float
) -> None:
    record = preference("p", ranking=((0,), (1,)), responses=graded(better, worse))
    assert pairs_of(record, LabelSettings(margin=1, score_margin=0.5)) == [Pair(0, 1, 1.0, margin)]
    assert pairs_of(record, LabelSettings()) == [Pair(0, 1, 1.0, 0.0)]


def test_an_annotators_factor_goes_by_the_whole_name_before_the_part_of_it() -> None:
    factors = {"human": 2.0, "human:kim": 3.0, "rule:length": 0.0}
    found = {
        who: weight_of(preference("p", "가", "나", labelled_by=who, weight=0.5), factors)
        for who in ("human:kim", "human:lee", "human", "judge:gpt", "rule:length", "")
    }
    assert found == {
        "human:kim": 1.5, "human:lee": 1, "human": 1, "judge:gpt": 0.5, "rule:length": 0, "": 0.5
    }  # fmt: skip


def test_what_names_nobody_or_needs_what_is_not_there_is_refused() -> None:
    records = [preference("p", "가", "나", labelled_by="human:kim")]
    check(records, LabelSettings(annotators={"human": 2, "human:kim": 1}))
    with pytest.raises(UsageProblem) as usage:
        check(records, LabelSettings(annotators={"humans": 2}))
    assert usage.value.code == "annotator-unknown" and "human:kim" in str(usage.value)
    with pytest.raises(DataProblem) as data:
        check(records, LabelSettings(score_margin=1))
    assert (data.value.code, data.value.exit_code) == ("margin-no-scores", 3)


# --- the gate

GATE = RewardGateSettings()


def failed(read: list[Read], gate: RewardGateSettings = GATE) -> list[str]:
    return [fault.statistic for fault in faults(statistics_of(read), gate)]


def test_a_reward_that_is_no_number_fails_and_nothing_else_is_read() -> None:
    read = [Read([1.0, math.nan], [3, 4]), Read([math.inf, 1.0], [3, 4])]
    assert statistics_of(read) == {"not_finite": 2} and failed(read) == ["not_finite"]


def test_rewards_that_differ_between_prompts_alone_are_constant() -> None:
    read = [Read([float(number)] * 3, [1, 2, 3]) for number in range(40)]
    assert failed(read) == ["spread"]
    (fault,) = faults(statistics_of(read), GATE)
    assert str(fault) == "spread 0 (gate: 0.001)"


@pytest.mark.parametrize("sign", [1, -1], ids=["longer wins", "shorter wins"])
def test_rewards_that_lengths_alone_order_fail(sign: int) -> None:
    read = [Read([sign * 0.1 * length for length in (3, 5, 9)], [3, 5, 9]) for _ in range(20)]
    found = statistics_of(read)
    assert (found["unequal_pairs"], found["length_agreement"]) == (60, 1)
    assert failed(read) == ["length_agreement"]
    assert failed(read[:9]) == [], "too few pairs say nothing"


def test_a_reward_model_that_reads_more_than_length_passes() -> None:
    read = [Read([0.1, 0.9, 0.4], [3, 5, 9]) for _ in range(20)]
    assert statistics_of(read)["length_agreement"] == pytest.approx(2 / 3) and failed(read) == []
    same = [Read([0.0, 1.0], [4, 4]) for _ in range(40)]
    assert statistics_of(same)["unequal_pairs"] == 0 and failed(same) == []
