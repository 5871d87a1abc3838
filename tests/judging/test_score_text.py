"""The reader of scores: whatever form a judge chooses, and nothing where there is no score (row J04)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.judging.score_text import read_score

READ = {
    "4": 4, " 4\n": 4, "4.": 4, "４": 4, "４점": 4, "4점": 4, "4 점입니다.": 4, "4/5": 4, "4 / 5": 4,
    "4 out of 5": 4,
    "점수: 4": 4, "점수 : ４점": 4, "점수는 4점입니다": 4, "Score: 4": 4, "**Score:** 4": 4, "score = 4": 4,
    "- 친근함: 4": 4, "- 친근함 (1 - 5): 4": 4, "친근함(1-5): 4": 4, "친근함 (1~5점): 4점": 4,
    "- 4": 4, "4.5": 4.5,
    "5점 만점에 4점": 4, "5점 만점 중 4점을 주겠습니다.": 4, "4점 (5점 만점)": 4, "4 points": 4,
    '{"score": 4}': 4, '{"score": "4"}': 4, '{"점수": 4.5}': 4.5, '{"친근함": 4}': 4, '{"score": "4점"}': 4,
    '```json\n{"score": 4}\n```': 4, '평가 결과입니다.\n{"reason": "1번 문장이 좋아요", "score": 4}': 4,
    "이 답변은 다정합니다. 점수: 4": 4, "4\n4": 4,
    "1부터 5까지에서 4": 4, "\u200b4": 4, "[4]": 4, "Rating: 4 / 5": 4,
}  # fmt: skip
UNREAD = {
    "": "empty", " \n\t": "empty", "좋은 답변입니다.": "no-number", "오점": "no-number", "A+": "no-number",
    "11": "out-of-range", "0": "out-of-range", "-4": "out-of-range", "5.5": "out-of-range",
    "점수: 100점": "out-of-range",
    "4/10": "other-scale", "10점 만점에 8점": "other-scale", "3 또는 4": "ambiguous", "3~4점": "no-number",
    "점수: 3\n점수: 4": "ambiguous", "NaN": "not-a-number", "nan": "not-a-number", "inf": "not-a-number",
    '{"score": NaN}': "broken-json", '{"score": null}': "not-a-number", '{"score": true}': "not-a-number",
    '{"score": "good"}': "not-a-number", '{"score": 3, "점수": 4}': "ambiguous", '{"score": 4': "broken-json",
    '{"verdict": 4}': "no-number", '{"score": 4} {"score": 5}': "broken-json",
    '{"score": 4, "score": 5}': "broken-json",
    "죄송하지만 평가할 수 없습니다.": "refusal", "I'm sorry, I can't rate this.": "refusal",
    "这个回答很好": "language", "Ответ хороший": "language", '{"score": [4]}': "not-a-number",
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_score_is_read_in_any_form(text: str) -> None:
    found = read_score(text, 1, 5, ("친근함", "friendliness"))
    assert (found.value, found.code) == (READ[text], None)


@pytest.mark.parametrize("text", UNREAD)
def test_what_holds_no_score_is_missing_with_its_own_code_and_never_zero(text: str) -> None:
    found = read_score(text, 1, 5, ("친근함", "friendliness"))
    assert (found.value, found.code) == (None, UNREAD[text])


def test_what_length_cut_off_is_read_only_up_to_its_last_whole_line() -> None:
    assert read_score("4\n\n이 답변은 따뜻하고 3", 1, 5, cut=True).value == 4
    for text in ("4", "점수는 4", "", "이 답변은\n좋고 4"):
        assert read_score(text, 1, 5, cut=True).code == "cut-off"


def test_zero_is_a_score_where_the_scale_has_one() -> None:
    assert read_score("0", 0, 1).value == 0 and read_score("0/1", 0, 1).value == 0


@given(st.text(max_size=80), st.booleans())
def test_any_text_gives_a_score_on_the_scale_or_a_reason(text: str, cut: bool) -> None:
    found = read_score(text, 1, 5, cut=cut)
    assert (found.value is None) == (found.code is not None)
    assert found.value is None or 1 <= found.value <= 5
