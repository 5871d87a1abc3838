"""Words follow from intervals, never from values alone."""

import re

import pytest
from invented_run import NOT_ABOVE, SAMPLED, difference, evaluation_results, reward, reward_results

from dajeong.records import Result
from dajeong.report.read import Figures
from dajeong.report.tables import tables
from dajeong.report.verdict import above_baselines, differences, direction, figure, headline, verdict


@pytest.mark.parametrize(
    ("metric", "low", "high", "expected"),
    [
        ("harmless", 0.1, 0.3, "better"),
        ("harmless", -0.3, -0.1, "worse"),
        ("harmless", -0.1, 0.3, "unclear"),
        ("harmless", 0.0, 0.3, "unclear"),
        ("false_refusal", -0.3, -0.1, "better"),
        ("false_refusal", 0.1, 0.3, "worse"),
        ("length", 0.1, 0.3, "changed"),
    ],
)
def test_direction(metric: str, low: float, high: float, expected: str) -> None:
    assert direction(difference("smalltalk", metric, (low + high) / 2, low, high)) == expected


def test_a_difference_without_interval_shows_nothing() -> None:
    row = Result(model="ppo", versus="sft", task="smalltalk", metric="harmless", value=0.9, n=3)
    assert direction(row) == "unclear"
    assert "구간 없음" in figure(row)


def test_notes_decide_about_baselines() -> None:
    high, low = (reward("reward", value, value - 0.01, 1.0, "", 0.5)[0] for value in (0.9, 0.4))
    assert above_baselines(high) and not above_baselines(low)
    assert not above_baselines(high.model_copy(update={"notes": NOT_ABOVE}))
    assert above_baselines(low.model_copy(update={"notes": "above its baselines, best: x"}))


def test_an_accuracy_without_baselines_is_above_none() -> None:
    assert not above_baselines(
        reward("reward", 0.9, 0.8, 1.0, "", 0.5)[0].model_copy(update={"baselines": {}})
    )


def test_the_verdict_says_not_above_its_baselines_in_both_languages() -> None:
    said = verdict([Figures("reward-report", tuple(reward_results()[:2]))])
    assert "기준선보다 낫지 않음" in said and "Not above its baselines" in said
    assert "Above its baselines" not in said


def test_a_baseline_that_is_clearly_higher_is_said_to_be() -> None:
    rows = reward("reward", 0.57, 0.47, 0.66, NOT_ABOVE, 0.9)
    assert "the baseline is clearly higher" in verdict([Figures("reward-report-final", tuple(rows))])


def test_a_baseline_whose_lead_may_be_chance_is_not() -> None:
    assert "clearly higher" not in verdict([Figures("reward-report", tuple(reward_results()[:2]))])


def test_distances_from_baselines_are_no_comparison_of_models() -> None:
    assert differences(reward_results()) == []
    said = verdict([Figures("reward-report", tuple(reward_results()))])
    assert "reward − n-grams" not in said and "nothing can be called an improvement" not in said


def test_only_the_first_decoding_is_counted() -> None:
    rows = [
        difference("smalltalk", "harmless", 0.2, 0.1, 0.3),
        difference("smalltalk", "correct", 0.0, -0.1, 0.1),
    ]
    greedy = [row.model_copy(update={"decoding": "greedy"}) for row in rows]
    assert headline([*rows, *greedy]) == rows
    assert "Of 2 paired comparisons, 1 are better, 0 are worse, 1 show" in verdict(
        [Figures("evaluate", (*rows, *greedy))]
    )


@pytest.mark.parametrize(("low", "folded"), [(-0.1, True), (0.1, False)])
def test_only_what_shows_no_difference_is_folded(low: float, folded: bool) -> None:
    rows = [difference("smalltalk", "false_refusal", 0.2, low, 0.3)] * 9
    assert ("<details>" in verdict([Figures("evaluate", tuple(rows))])) is folded


def test_without_comparisons_nothing_is_claimed() -> None:
    assert "nothing can be called an improvement" in verdict([])


def test_every_figure_has_n_and_interval() -> None:
    page = tables(
        [Figures("reward-report", tuple(reward_results())), Figures("evaluate", tuple(evaluation_results()))]
    )
    figures = re.findall(r'<span class="figure">(.*?)</span>', page)
    assert len(figures) == 4 * 3 * 3 + 1 + 2 * 3
    assert all(re.search(r"<b>[−+.\d]+</b> \[[−+.\d]+, [−+.\d]+\] n [\d,]+", shown) for shown in figures)


def test_missing_judgements_are_shown_beside_the_figure() -> None:
    row = Result(
        model="ppo", task="smalltalk", metric="harmless", value=None, n=0, missing=7, decoding=SAMPLED
    )
    assert "missing 7" in figure(row) and "no value" in figure(row)


def test_another_way_of_asking_is_a_column_beside_its_model() -> None:
    both = tables([Figures("evaluate", tuple(evaluation_results()))])
    page = re.sub(r'<span class="ko".*?</span>', "", both)
    heads = [re.sub("<.*?>", "", head) for head in re.findall(r'<th scope="col">(.*?)</th>', page)]
    place = heads.index("base, own format asked as Q. A.")
    assert heads[place - 1] == "base" and heads[place + 1 : place + 3] == ["sft", "ppo"]


@pytest.mark.parametrize(
    "changed",
    [{"n": 29}, {"notes": "McNemar p 0.01; 7 of 80 prompts are in the training data: nothing is shown"}],
)
def test_J11_few_or_learned_items_show_nothing_better(changed: dict[str, object]) -> None:
    """Seen to fail with the interval alone."""
    row = difference("smalltalk", "harmless", 0.2, 0.1, 0.3)
    assert direction(row) == "better" and direction(row.model_copy(update=changed)) == "unclear"


def test_an_author_s_own_format_stands_beside_its_model() -> None:
    """Seen to fail: judged replies of `base, own format` were a model that is not in the list of models."""
    rows = tuple(
        Result(model=name, task="quality", metric="quality", value=3.0, n=40, decoding="T 0.8")
        for name in ("base, own format", "sft", "base")
    )
    shown = tables([Figures("judge", rows)])
    assert shown.index("own format") < shown.index(">sft<")
