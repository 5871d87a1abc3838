"""Equal records, and questions of a test set."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cleaned import Cleaned, example, pair, prompt, said
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.filters.duplicates import Duplicates, Overlap
from dajeong.data.filters.keys import comparable
from dajeong.data.filters.settings import ExactDuplicateSettings
from dajeong.records import Record


def duplicates(of: Literal["prompt", "record"]) -> Duplicates:
    return Duplicates(ExactDuplicateSettings(of=of))


def test_spaces_punctuation_and_case_are_no_difference() -> None:
    records = [
        example("뭐 해?", "책 읽어요.", "1"),
        example("뭐해", "책 읽어요!", "2"),
        example("뭐 해?", "자요.", "3"),
    ]
    assert said(duplicates("record"), records) == [None, "duplicate", None]
    assert said(duplicates("prompt"), records) == [None, "duplicate", "duplicate"]


def test_contexts_and_both_answers_count() -> None:
    records: list[Record] = [
        example("요약해 줘", name="1", context="아침"),
        example("요약해 줘", name="2", context="저녁"),
        pair("그래요.", "아니요."),
        pair("그래요.", "글쎄요."),
        pair("그래요.", "아니요!"),
    ]
    assert said(duplicates("record"), records) == [None, None, None, None, "duplicate"]


def test_what_has_no_letters_is_not_compared() -> None:
    assert said(duplicates("prompt"), [prompt("?!"), prompt("…"), prompt("?!")]) == [None, None, None]


@given(st.lists(st.text("가나 ,A", max_size=4), max_size=40))
def test_the_first_of_each_stays_whatever_the_batch(texts: list[str]) -> None:
    records = [prompt(text, str(number)) for number, text in enumerate([*texts, *["덤"] * 70])]
    seen: set[str] = set()
    for record, why in zip(records, said(duplicates("prompt"), records), strict=True):
        key = comparable(record.messages[0].content)
        assert (why is not None) == (key in seen and key != "")
        seen.add(key)


def test_a_question_of_the_test_set_is_dropped_whatever_its_answer(tmp_path: Path) -> None:
    test = [prompt("주말에 뭐 하고 싶어?", "t1"), example("무슨 색을 좋아해?", "파란색이요.", "t2")]
    records = [
        example("주말에 뭐하고 싶어", "쉬고 싶어요.", "1"),
        example("무슨 색을 좋아해?", "초록색이에요.", "2"),
        example("무슨 색을 안 좋아해?", "회색이에요.", "3"),
    ]
    assert said(Overlap(test), records) == ["asked-in-test", "asked-in-test", None]
    assert said(Overlap([]), records) == [None, None, None]
    cleaned = Cleaned(
        tmp_path, records, against=test, decontamination=None, near_duplicates=None, max_dropped=0.7
    )
    assert cleaned.run().names == ["3"]
    assert cleaned.stats["dropped"] == {"asked-in-test": 2}
