"""Broken text: what is repaired comes back letter for letter, what is not has a name, no more."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from cleaned import example, pair, prompt
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.filters.broken import BrokenText, jamo_share, looks_misread, reread
from dajeong.data.filters.settings import TextSettings
from dajeong.records import Dialogue, Record

FILTER = BrokenText(TextSettings())
HANGUL = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=12)
ORDINARY = st.text(
    st.one_of(
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
        st.characters(min_codepoint=0x20, max_codepoint=0x7E),
        st.sampled_from("“”‘’…·×÷éüñß€—–ㄱㅋ漢字😀"),
    ),
    max_size=40,
)


def as_browsers_read(text: str) -> str:
    """UTF-8 bytes in cp1252; the five bytes it leaves out stand for themselves."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode("utf-8"))


def mended(record: Record) -> tuple[Record, Counter[str]]:
    changes: Counter[str] = Counter()
    return FILTER.repaired(record, changes), changes


@given(HANGUL, st.sampled_from(["", "ok ", "“", "😀", "x² = "]))
def test_utf8_read_as_latin1_or_cp1252_comes_back(text: str, before: str) -> None:
    whole = unicodedata.normalize("NFC", before + text)
    assert reread(whole.encode("utf-8").decode("latin-1")) == whole
    assert reread(as_browsers_read(whole)) == whole


def test_what_stands_apart_from_the_misread_hangul_comes_back_too() -> None:
    assert reread(as_browsers_read("좋아요 ok 😀 “정말”")) == "좋아요 ok 😀 “정말”"


@given(ORDINARY)
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert reread(text) == text
    assert not looks_misread(text)


@pytest.mark.parametrize(
    "text", ["Café à la crème", "ÜBER GRÖSSE", "¡Olé, señor!", "25 °C ± 3 µm", "naïveté ê î", "CafÃ©"]
)
def test_western_letters_are_no_mojibake(text: str) -> None:
    record = example(f"{text}가 무슨 뜻이에요?", text)
    assert mended(record) == (record, Counter())
    assert FILTER.why_not(record) is None


def test_repairs_are_counted_once_a_record() -> None:
    decomposed = unicodedata.normalize("NFD", "한글이에요")
    record, changes = mended(example(decomposed, decomposed))
    assert isinstance(record, Dialogue) and record.messages[0].content == "한글이에요"
    assert changes == {"nfc": 1}
    record, changes = mended(example(as_browsers_read("안녕하세요?"), "네."))
    assert isinstance(record, Dialogue) and record.messages[0].content == "안녕하세요?"
    assert changes == {"mojibake": 1} and FILTER.why_not(record) is None


def test_repair_may_be_left_out_and_then_has_a_name() -> None:
    record = example(as_browsers_read("안녕하세요?"))
    strict = BrokenText(TextSettings(repair_mojibake=False))
    changes: Counter[str] = Counter()
    assert strict.repaired(record, changes) == record and not changes
    assert strict.why_not(record) == "mojibake"


def test_what_cannot_be_turned_back_is_named() -> None:
    cut = as_browsers_read("안녕하세요")[:-1] + " 뭐라고요"
    euc_kr = "안녕하세요 반갑습니다".encode("cp949").decode("latin-1")
    lost = "한국 사람".encode("cp949").decode("utf-8", "replace")
    as_cp949 = "한국 사람".encode().decode("cp949", "replace")
    named = {
        cut: "mojibake",
        euc_kr: "mojibake",
        lost: "replacement-characters",
        as_cp949: "replacement-characters",
    }
    for text, reason in named.items():
        record, _ = mended(example("뭐라고 쓰여 있어요?", text))
        assert (FILTER.why_not(record) or "").startswith(reason), text


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (example("안녕?", "\u200b\u2060"), "empty-answer"),
        (example("\ufeff", "네."), "empty-prompt"),
        (pair("네.", "\u3164"), "empty-answer"),
        (prompt("안녕?"), None),
        (pair("네.", "응."), None),
        (example("안녕?", "ㅋㅋㅋㅋ ㅠㅠ"), None),
        (example("안녕?", "ㅇㅇ"), None),
        (example("안녕?", "ㅁㅈㅂㄱㅅ ㄹㅍ 네"), "lone-jamo: 0.88 > 0.5"),
        (example("안녕?", "네\ufffd"), "replacement-characters: 1 > 0"),
    ],
)
def test_each_rule_drops_what_its_name_says(record: Record, why: str | None) -> None:
    assert FILTER.why_not(record) == why


def test_limits_are_settings() -> None:
    lenient = BrokenText(TextSettings(max_replaced=1, max_jamo=1))
    assert lenient.why_not(example("안녕?", "네\ufffd ㅁㅈㅂㄱㅅ ㄹㅍ")) is None


def test_laughter_is_no_broken_hangul_and_little_of_it_says_nothing() -> None:
    assert jamo_share("ㅋㅋㅋㅋㅋㅋㅋㅋ 진짜요 ㅠㅠㅠ") == 0
    assert jamo_share("ㅁㅈ") == 0
    assert jamo_share("ㅁㅏㅅㅏㅈㅣ ㅂㅏㄹㅏㅁ") == 1
