"""Checks of a translation: each sees its own fault and no other; requests that hang on English."""

from __future__ import annotations

import json

import pytest

from dajeong.records import Message
from dajeong.synthesis.translate_checks import CHECKS, Pair, problems
from dajeong.synthesis.translate_wording import depends_on_wording
from shared_data import SHARED, needs_shared

GOOD = (
    Pair(
        "Write a short letter to your teacher about the trip to the lake.",
        "호수 여행에 대해 선생님께 짧은 편지를 써 주세요.",
        "haeyo",
    ),
    Pair("In 2019, 1,200 people came.\nIt rained.", "2019년에 1200명이 왔어요.\n비가 왔어요.", "haeyo"),
    Pair("Derek Jeter, Albert Pujols", "Derek Jeter, Albert Pujols"),
    Pair("I am sorry, but I cannot help you with that.", "죄송하지만 그것은 도와드릴 수 없습니다.", "hapsho"),
    Pair("One dog and two cats sleep.", "강아지 1마리와 고양이 2마리가 자요.", "haeyo"),
    Pair("5 + 7", "5 + 7"),
    Pair("The 1st of 10 million people won 3.5 billion.", "1,000만 명 중 첫째가 35억을 받았어요.", "haeyo"),
)

BAD = {
    "empty": Pair("Say hello to her.", "…!"),
    "broken": Pair("Say hello to her.", "그녀에게 인사하세\ufffd요."),
    "own-talk": Pair("Say hello to her.", "번역: 그녀에게 인사하세요."),
    "refusal": Pair("Say hello to her.", "죄송하지만 답변을 드릴 수 없습니다."),
    "hangul": Pair("Please say hello to her.", "Please say hello 그녀."),
    "ratio": Pair("Write a short letter to your teacher about the trip to the lake.", "써요."),
    "digits": Pair("Name 3 of the 12 months.", "12달 중 몇 가지를 말해 보세요."),
    "newlines": Pair("One\nTwo", "하나 둘"),
    "repeated": Pair(
        "Say hello.", "아주 좋은 날이 아주 좋은 날이 아주 좋은 날이 아주 좋은 날이 아주 좋은 날이"
    ),
    "register": Pair("Go home. It is late.", "집에 가세요. 늦었다.", "haeyo"),
}


@pytest.mark.parametrize("pair", GOOD)
def test_a_good_translation_passes_every_check(pair: Pair) -> None:
    assert problems(pair) == {}


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_sees_its_fault(name: str) -> None:
    assert name in problems(BAD[name])


def test_english_that_was_left_standing_is_seen_through_each_model_phrase() -> None:
    for said in (
        "Here is the Korean translation: 안녕하세요",
        "다음은 번역문입니다: 안녕하세요",
        "Translation: 안녕하세요",
    ):
        assert "own-talk" in problems(Pair("Say hello to her.", said))


DEPENDS = (
    "Find words that rhyme with the given word.",
    "Fix the grammar and spelling of this sentence.",
    "Name five fruits that start with B.",
    "Give synonyms for happy.",
    "How do you say 'good evening' in French?",
    "Which part of speech is the underlined word?",
    "Rewrite the sentence in the passive voice.",
)
FREE = (
    "Write a letter to your landlord about the broken heating.",
    "Give three tips for staying healthy.",
    "Explain how a bill becomes a law.",
    "Suggest a recipe for a vegan dessert.",
    "Make a list of adjectives that can be used to describe the given brand.",
)


def test_requests_that_hang_on_english_are_told_from_those_that_do_not() -> None:
    assert [
        text for text in DEPENDS if depends_on_wording((Message(role="user", content=text),)) is None
    ] == []
    assert [text for text in FREE if depends_on_wording((Message(role="user", content=text),))] == []


# Of the 168 tasks these hang on English, or on another language: judged by hand.
BY_HAND = {
    4, 21, 22, 69, 70, 71, 76, 124, 126, 127, 147, 150, 151, 161, 193, 200, 241, 244, 245, 250,
}  # fmt: skip


@needs_shared
def test_kullms_tasks_are_flagged_as_by_hand() -> None:
    lines = (SHARED / "kullm" / "kullm-v1.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    flagged = {
        int(row["id"].rsplit("_", 1)[1])
        for row in rows
        if depends_on_wording((Message(role="user", content=row["instruction"]),))
    }
    assert len(flagged & BY_HAND) >= 0.9 * len(BY_HAND), sorted(BY_HAND - flagged)
    assert len(flagged - BY_HAND) <= 0.04 * len(rows), sorted(flagged - BY_HAND)
