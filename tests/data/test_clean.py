"""Cleaning: repairs change no word, and each rule drops what its name says and nothing else."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.clean import Ids, Seen, is_empty, num_characters, tidied, why_dropped, without_suffix
from dajeong.data.settings import ReadSettings
from dajeong.records import Dialogue, Message, Preference, Response

END = "<|endoftext|>"
SETTINGS = ReadSettings(source="alpaca", path="unused.jsonl")


def example(question: str, answer: str) -> Dialogue:
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Dialogue(id="1", messages=messages)


def pair(chosen: str, rejected: str, question: str = "오늘 어땠어?") -> Preference:
    return Preference(
        id="1",
        prompt=(Message(role="user", content=question),),
        responses=(Response(content=chosen), Response(content=rejected)),
        ranking=((0,), (1,)),
    )


def test_the_end_marker_is_cut_as_a_suffix_and_not_as_letters() -> None:
    assert without_suffix(f"끝<|>{END}", [END]) == "끝<|>"
    assert without_suffix(f"next{END}{END} \n", [END]) == "next"
    assert without_suffix("endoftext", [END]) == "endoftext", "letters of the marker are not the marker"
    assert without_suffix(f"{END} 앞과 속", [END]) == f"{END} 앞과 속"
    assert without_suffix("그대로 \n", [END]) == "그대로 \n"
    assert without_suffix("그대로", [""]) == "그대로"


@given(text=st.text(), count=st.integers(0, 3))
def test_cutting_the_marker_gives_back_what_stood_before(text: str, count: int) -> None:
    expected = text if not count else without_suffix(text, [END])
    assert without_suffix(text + END * count, [END]) == (expected if text.rstrip().endswith(END) else text)


def test_repairs_are_counted_and_change_no_word() -> None:
    decomposed = unicodedata.normalize("NFD", "한글")
    changes: Counter[str] = Counter()
    record = tidied(example(f" {decomposed} ", f"{decomposed}{END}"), [END], changes)
    assert isinstance(record, Dialogue)
    assert [message.content for message in record.messages] == ["한글", "한글"]
    assert changes == {"nfc": 2, "end-marker": 1, "trimmed": 1}


@pytest.mark.parametrize("text", ["ㅋㅋㅋ ㅇㅈ?", "１８", "시①발", "ﾊﾝ", "👨‍👩‍👧", "나쁜 놈²"])
def test_signs_that_carry_meaning_are_left_as_they_are(text: str) -> None:
    """Compatibility forms are signal in slang and curses: composed they may be, folded never."""
    record = tidied(example(text, text), [END], Counter())
    assert isinstance(record, Dialogue) and {message.content for message in record.messages} == {text}


def test_the_marker_stays_in_a_question() -> None:
    record = tidied(example(f"이게 뭐야? {END}", "끝 표시예요."), [END], Counter())
    assert isinstance(record, Dialogue) and record.messages[0].content.endswith(END)


@given(question=st.text(), answer=st.text())
def test_tidying_twice_is_tidying_once(question: str, answer: str) -> None:
    once = tidied(example(question, answer), [END], Counter())
    assert tidied(once, [END], Counter()) == once


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\ufeff\u2060", "\u3164", "\x07", "\u202e"])
def test_what_cannot_be_seen_is_empty(text: str) -> None:
    assert is_empty(text) and not is_empty(text + "ㅋ")


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (example("안녕?", "반가워요."), None),
        (example("안녕?", "\u200b"), "empty-answer"),
        (example("\u200b", "반가워요."), "empty-prompt"),
        (example("안녕?", "안녕?"), "answer-is-prompt"),
        (pair("반가워요.", "응."), None),
        (pair("반가워요.", ""), "empty-answer"),
        (pair("", ""), "empty-answer"),
        (pair("응.", "응."), "same-answers"),
        (Dialogue(id="1", messages=(Message(role="user", content="안녕?"),)), None),
    ],
)
def test_each_rule_drops_what_its_name_says(record: Dialogue | Preference, rule: str | None) -> None:
    assert why_dropped(record, SETTINGS) == rule


def test_a_tie_may_hold_the_same_words() -> None:
    tied = pair("응.", "응.").model_copy(update={"ranking": ((0, 1),)})
    assert why_dropped(tied, SETTINGS) is None


@given(text=st.text(min_size=1), shortest=st.integers(1, 8))
def test_the_length_filters_count_without_white_space(text: str, shortest: int) -> None:
    settings = SETTINGS.model_copy(
        update={"min_prompt_characters": shortest, "min_answer_characters": shortest}
    )
    is_short = len("".join(text.split())) < shortest
    assert (num_characters(text) < shortest) == is_short
    if not is_empty(text) and text != "충분히 긴 대답이에요.":
        rules = (
            why_dropped(example(text, "충분히 긴 대답이에요."), settings),
            why_dropped(example("충분히 긴 질문인가요?", text), settings),
        )
        assert rules == (("short-prompt", "short-answer") if is_short else (None, None))


def test_repeats_are_of_a_prompt_or_of_all() -> None:
    first, other = example("안녕?", "반가워요."), example("안녕?", "네.")
    prompts, records = Seen(), Seen()
    assert [prompts.before(record, "prompt") for record in (first, other, first)] == [False, True, True]
    assert [records.before(record, "record") for record in (first, other, first)] == [False, False, True]


def test_a_conversation_that_went_on_repeats_its_first_exchange() -> None:
    first = example("안녕?", "반가워요.")
    told = Message(role="system", content="친절하게")
    longer = first.model_copy(update={"messages": (told, *first.messages, *example("또?", "네.").messages)})
    for what, repeated in (("exchange", True), ("prompt", False), ("record", False)):
        seen = Seen()
        assert [seen.before(record, what) for record in (first, longer)] == [False, repeated]


@given(wanted=st.lists(st.sampled_from(["a", "a#2", "a#2#2", "b"]), max_size=12))
def test_no_two_records_get_one_id(wanted: list[str]) -> None:
    ids = Ids()
    given_out = [ids.free(each) for each in wanted]
    assert len(set(given_out)) == len(wanted)
    assert all(each.startswith(name) for each, name in zip(given_out, wanted, strict=True))


def test_where_one_text_ends_matters() -> None:
    seen = Seen()
    with_context = Dialogue(id="1", messages=(Message(role="user", content="가", context="나"),))
    assert not seen.before(with_context, "prompt")
    assert not seen.before(Dialogue(id="2", messages=(Message(role="user", content="가나"),)), "prompt")
