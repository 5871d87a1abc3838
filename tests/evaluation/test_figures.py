"""Result rows from scored replies: the right n, paired by prompt, nothing missing turned into a zero."""

import math

import pytest
from scipy import stats

from dajeong.evaluation.figures import Answered, by_reply, figures
from dajeong.judging.rules import RuleScorer
from dajeong.records import Message, Reply, Result, Score

GOOD = {"normal": "해운대가 좋아요!", "lookalike": "해운대가 좋아요!", "abusive": "그런 말은 마음이 아파요."}


def reply(number: int, kind: str, content: str, author: str) -> Reply:
    return Reply(
        id=f"{author}/{kind}/{number}",
        kind=kind,
        meta={} if kind == "abusive" else {"fact": "해운대"},
        prompt_id=f"{kind}/{number}",
        prompt=(Message(role="user", content=f"{kind} {number}"),),
        content=content,
        author=author,
    )


def answered(
    model: str, bad: dict[str, int], content: str = "꺼져, 바보야.", decoding: str = "T 0.8", n: int = 40
) -> Answered:
    """`n` prompts of each kind, the first `bad[kind]` answered with `content`, the others as they deserve."""
    replies = [
        reply(number, kind, content if number < bad.get(kind, 0) else GOOD[kind], model)
        for kind in GOOD
        for number in range(n)
    ]
    return Answered(model, decoding, replies, by_reply(RuleScorer().score(replies)))


def rows(found: list[Result]) -> dict[tuple[str, str, str, str | None, str], Result]:
    by_key = {(row.model, row.task, row.metric, row.versus, row.decoding): row for row in found}
    assert len(by_key) == len(found), "two rows for one figure"
    return by_key


def test_shares_name_their_n_and_their_interval() -> None:
    found = rows(figures("smalltalk", [answered("sft", {"abusive": 10})]))
    harmless = found["sft", "smalltalk/abusive", "harmless", None, "T 0.8"]
    oracle = stats.binomtest(30, 40).proportion_ci(method="wilson")
    assert (harmless.value, harmless.n, harmless.missing) == (0.75, 40, 0)
    assert (harmless.ci_low, harmless.ci_high) == pytest.approx((oracle.low, oracle.high))
    assert found["sft", "smalltalk", "harmless", None, "T 0.8"].n == 120


def test_a_figure_stands_only_where_it_means_something() -> None:
    found = rows(figures("smalltalk", [answered("sft", {})]))
    tasks = {metric: {key[1] for key in found if key[2] == metric} for metric in {key[2] for key in found}}
    everywhere = {"smalltalk", "smalltalk/normal", "smalltalk/lookalike", "smalltalk/abusive"}
    assert tasks["friendly"] == tasks["proper"] == everywhere
    assert tasks["correct"] == tasks["false_refusal"] == everywhere - {"smalltalk/abusive"}
    assert tasks["true_refusal"] == {"smalltalk", "smalltalk/abusive"}
    assert tasks["correct_among_friendly"] == {"smalltalk/normal"}
    assert tasks["length"] == tasks["distinct"] == {"smalltalk"}
    assert found["sft", "smalltalk", "correct", None, "T 0.8"].n == 80  # abuse has no fact to name
    assert found["sft", "smalltalk", "correct", None, "T 0.8"].missing == 0


def test_a_firm_reply_is_right_on_abuse_and_a_false_alarm_elsewhere() -> None:
    found = rows(figures("smalltalk", [answered("sft", {"lookalike": 8}, content=GOOD["abusive"])]))
    assert found["sft", "smalltalk/lookalike", "false_refusal", None, "T 0.8"].value == 0.2
    assert found["sft", "smalltalk/abusive", "true_refusal", None, "T 0.8"].value == 1
    assert found["sft", "smalltalk/lookalike", "harmless", None, "T 0.8"].value == 1  # harmless never sees it


def test_neighbours_are_compared_on_the_same_prompts() -> None:
    models = [answered("base", {"normal": 40}), answered("sft", {"abusive": 20}), answered("ppo", {})]
    found = rows(figures("smalltalk", models))
    gain = found["ppo", "smalltalk/abusive", "harmless", "sft", "T 0.8"]
    assert gain.value == 0.5 and gain.ci_low is not None and gain.ci_low > 0.3 and gain.n == 40
    assert "McNemar p 1.9e-06" in gain.notes
    assert found["sft", "smalltalk/normal", "correct", "base", "T 0.8"].value == 1
    assert not [key for key in found if key[0] == "ppo" and key[3] == "base"]
    assert ("ppo", "smalltalk/normal", "correct_among_friendly", "sft", "T 0.8") in found
    assert (
        "sft",
        "smalltalk/normal",
        "correct_among_friendly",
        "base",
        "T 0.8",
    ) not in found  # base has none


def test_two_rates_of_zero_have_an_upper_bound() -> None:
    found = rows(figures("smalltalk", [answered("sft", {}), answered("ppo", {})]))
    row = found["ppo", "smalltalk/lookalike", "false_refusal", "sft", "T 0.8"]
    assert row.value == 0 and row.ci_high is not None and 0 < row.ci_high < 0.1


def test_a_failed_judgement_is_missing_not_zero() -> None:
    good = answered("sft", {}, n=10)
    scores = {reply_id: dict(found) for reply_id, found in good.scores.items()}
    failed = scores["sft/normal/0"]["friendly"]
    scores["sft/normal/0"]["friendly"] = failed.model_copy(update={"value": None, "reason": "unreadable"})
    del scores["sft/normal/1"]["friendly"]
    row = rows(figures("smalltalk", [good._replace(scores=scores)]))[
        "sft", "smalltalk/normal", "friendly", None, "T 0.8"
    ]
    assert (row.value, row.n, row.missing) == (1.0, 8, 2)


def test_without_facts_there_is_no_correct_row() -> None:
    replies = [
        reply(number, "talk", "네, 좋아요!", "sft").model_copy(update={"meta": {}}) for number in range(5)
    ]
    found = rows(figures("talk", [Answered("sft", "greedy", replies, by_reply(RuleScorer().score(replies)))]))
    assert {key[1] for key in found} == {"talk"}  # one kind needs no row of its own
    assert "correct" not in {key[2] for key in found} and "true_refusal" not in {key[2] for key in found}


def test_the_headline_decoding_comes_first_and_is_not_mixed() -> None:
    models = [
        answered(m, {"normal": 5}, decoding=d, n=10) for d in ("T 0.8", "greedy") for m in ("sft", "ppo")
    ]
    found = figures("smalltalk", models)
    decodings = [row.decoding for row in found]
    assert decodings == sorted(decodings, key=["T 0.8", "greedy"].index)
    assert all(row.versus in (None, "sft") for row in found)


def test_replies_that_stand_apart_are_not_compared() -> None:
    apart = answered("base", {}, decoding="T 0.8")._replace(compared=False, notes="asked otherwise")
    found = figures("smalltalk", [apart, answered("sft", {})])
    assert not [row for row in found if row.versus]
    assert all("asked otherwise" in row.notes for row in found if row.model == "base")


def test_distinct_replies_are_counted() -> None:
    row = rows(figures("smalltalk", [answered("sft", {"normal": 1}, n=10)]))[
        "sft", "smalltalk", "distinct", None, "T 0.8"
    ]
    assert row.value == pytest.approx(3 / 30)
    assert row.ci_low is None and "no interval" in row.notes


def test_every_number_is_finite() -> None:
    for row in figures(
        "smalltalk", [answered("base", {"normal": 40, "lookalike": 40, "abusive": 40}), answered("sft", {})]
    ):
        numbers = [number for number in (row.value, row.ci_low, row.ci_high) if number is not None]
        assert all(map(math.isfinite, numbers))
        if row.ci_low is not None and row.ci_high is not None and row.value is not None:
            assert row.ci_low <= row.value <= row.ci_high


def test_scores_are_found_by_reply_and_criterion() -> None:
    score = Score(id="s", reply_id="r", scorer="rules", criterion="friendly", value=1)
    assert by_reply([score]) == {"r": {"friendly": score}}
