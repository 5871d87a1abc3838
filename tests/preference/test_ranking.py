"""Ranking: higher totals stand first, ties share a rank, and what is missing is never 0."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dajeong.preference.ranking import by_reply, ranked, ranking_of, taken_apart, totals
from dajeong.records import Message, Reply, Score

PROMPT = (Message(role="user", content="오늘 어땠어?"),)


def reply(name: str, content: str = "") -> Reply:
    return Reply(id=name, prompt_id="p", prompt=PROMPT, content=content or name, author="sft")


def score(name: str, criterion: str, value: float | None) -> Score:
    return Score(id=f"{name}/{criterion}", reply_id=name, scorer="hand", criterion=criterion, value=value)


@given(values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=6))
def test_every_reply_stands_once_below_all_that_are_better(values: list[float]) -> None:
    groups = ranking_of(values)
    assert sorted(index for group in groups for index in group) == list(range(len(values)))
    heights = [{values[index] for index in group} for group in groups]
    assert all(len(height) == 1 for height in heights)
    assert [height.pop() for height in heights] == sorted(set(values), reverse=True)


def test_only_shared_criteria_count() -> None:
    replies = [reply("a"), reply("b")]
    table = by_reply(
        [
            score("a", "friendly", 1.0),
            score("b", "friendly", 1.0),
            score("a", "correct", None),
            score("b", "correct", 1.0),
            score("a", "harmless", 0.0),
        ]
    )
    assert totals(replies, table, ["friendly", "correct", "harmless"]) == [1.0, 1.0]
    assert totals(replies, table, ["correct"]) is None
    assert totals([reply("b")], table, ["friendly", "correct"]) == [2.0]


def test_a_record_keeps_texts_scores_and_who_wrote_them() -> None:
    replies = [reply("a", "응."), reply("b", "좋았어요!"), reply("c", "몰라.")]
    table = by_reply(
        [score(name, "friendly", float(name == "b")) for name in "abc"] + [score("a", "correct", None)]
    )
    record = ranked(replies, [0.0, 1.0, 0.0], table, "rule:hand")
    assert record.ranking == ((1,), (0, 2)) and record.prompt == PROMPT
    assert record.responses[0].scores == {"friendly": 0.0}, "a missing score is left out"
    assert {response.author for response in record.responses} == {"sft"}


def test_a_ranking_taken_apart_says_the_same() -> None:
    replies = [reply(name) for name in "abcd"]
    table = by_reply([score(name, "friendly", 1.0) for name in "abcd"])
    record = ranked(replies, [1.0, 2.0, 1.0, 0.0], table, "rule:hand")
    pairs = taken_apart(record)
    texts = [(pair.responses[0].content, pair.responses[1].content) for pair in pairs]
    assert texts == [("b", "a"), ("b", "c"), ("b", "d"), ("a", "d"), ("c", "d")]
    assert all(pair.pairs() == [(0, 1)] for pair in pairs)
    assert len({pair.id for pair in pairs}) == len(pairs)
