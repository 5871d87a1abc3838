"""Particles and placeholders: the same word everywhere, in the form that its last sound asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.particles import ends_in_consonant, followed_by
from dajeong.data.placeholders import MARK, Names, has_placeholder, without_fillers, without_transcript_marks

CLOSED, OPEN, RIEUL = "민준", "지우", "한결"

FORMS = [
    # what stands behind the placeholder, then behind 민준, 지우, 한결
    ("은", "민준은", "지우는", "한결은"),
    ("는", "민준은", "지우는", "한결은"),
    ("가", "민준이", "지우가", "한결이"),
    ("이가", "민준이가", "지우가", "한결이가"),
    ("이는", "민준이는", "지우는", "한결이는"),
    ("이도", "민준이도", "지우도", "한결이도"),
    ("를", "민준을", "지우를", "한결을"),
    ("와", "민준과", "지우와", "한결과"),
    ("와의", "민준과의", "지우와의", "한결과의"),
    ("아", "민준아", "지우야", "한결아"),
    ("야", "민준아", "지우야", "한결아"),
    ("이야", "민준이야", "지우야", "한결이야"),
    ("랑", "민준이랑", "지우랑", "한결이랑"),
    ("이라고", "민준이라고", "지우라고", "한결이라고"),
    ("라는", "민준이라는", "지우라는", "한결이라는"),
    ("이란", "민준이란", "지우란", "한결이란"),
    ("예요", "민준이에요", "지우예요", "한결이에요"),
    ("이었어", "민준이었어", "지우였어", "한결이었어"),
    ("로", "민준으로", "지우로", "한결로"),
    ("으로도", "민준으로도", "지우로도", "한결로도"),
    ("은요", "민준은요", "지우는요", "한결은요"),
    ("이요", "민준이요", "지우요", "한결이요"),
    ("이네", "민준이네", "지우네", "한결이네"),
    ("한테도", "민준한테도", "지우한테도", "한결한테도"),
    ("님은", "민준님은", "지우님은", "한결님은"),
    ("아빠", "민준아빠", "지우아빠", "한결아빠"),
    ("가방", "민준가방", "지우가방", "한결가방"),
    ("은행", "민준은행", "지우은행", "한결은행"),
    ("", "민준", "지우", "한결"),
]


@pytest.mark.parametrize(("tail", "closed", "open_form", "rieul"), FORMS)
def test_a_name_takes_the_particle_of_its_last_sound(
    tail: str, closed: str, open_form: str, rieul: str
) -> None:
    assert [followed_by(word, tail, is_name=True) for word in (CLOSED, OPEN, RIEUL)] == [
        closed,
        open_form,
        rieul,
    ]


@pytest.mark.parametrize(
    ("tail", "closed", "open_form"),
    [
        ("이", "새봄출판이", "하늘상사가"),
        ("야", "새봄출판이야", "하늘상사야"),
        ("에서", "새봄출판에서", "하늘상사에서"),
    ],
)
def test_what_is_no_name_has_no_suffix(tail: str, closed: str, open_form: str) -> None:
    assert [followed_by(word, tail) for word in ("새봄출판", "하늘상사")] == [closed, open_form]


@given(
    tail=st.text(st.sampled_from("은는이가을를과와아야으로라고랑요에도만네한테"), max_size=4),
    is_name=st.booleans(),
)
def test_fitting_twice_is_fitting_once(tail: str, is_name: bool) -> None:
    for word in (CLOSED, OPEN, RIEUL):
        once = followed_by(word, tail, is_name)
        assert once.startswith(word)
        assert followed_by(word, once.removeprefix(word), is_name) == once


@pytest.mark.parametrize(
    "text",
    [
        "&name1&이가",
        "name1이가",
        "name이",
        "company-name1에서",
        "&address3&로",
        "&tel-num1&",
        "&card-num&",
        "address",
    ],
)
def test_placeholders_of_both_forms_are_seen(text: str) -> None:
    assert has_placeholder(text)
    assert not has_placeholder(Names("a").replaced(text))


@pytest.mark.parametrize("text", ["username", "filename1", "이름", "A&B", "name_1", "rename"])
def test_what_only_holds_the_letters_is_no_placeholder(text: str) -> None:
    assert not has_placeholder(text)


def test_one_placeholder_is_one_word_all_through_a_dialogue() -> None:
    names = Names("SDRW2000000001.1")
    first, second = names.replaced("name1 씨랑 name2 씨"), names.replaced("&name1&이 &name2&이를 만났대")
    one, two = first.split(" 씨")[0], first.split("랑 ")[1].removesuffix(" 씨")
    assert one != two
    assert second.split(" ")[0].startswith(one) and second.split(" ")[1].startswith(two)
    again = Names("SDRW2000000001.1")
    assert again.replaced("name1 씨랑 name2 씨") == first, "the same dialogue gets the same words"
    assert len({Names(str(number)).replaced("name1") for number in range(50)}) > 5


@given(
    number=st.integers(1, 40), tail=st.sampled_from([form[0] for form in FORMS]), dialogue=st.text(max_size=4)
)
def test_whatever_word_is_drawn_its_particle_fits(number: int, tail: str, dialogue: str) -> None:
    word = Names(dialogue).replaced(f"name{number}")
    said = Names(dialogue).replaced(f"name{number}{tail}")
    assert said == followed_by(word, tail, is_name=True) and not MARK.search(said)
    if tail in ("은", "는"):
        assert said[-1] == ("은" if ends_in_consonant(word) else "는")


def test_many_persons_stay_apart() -> None:
    names = Names("a")
    assert len({names.replaced(f"name{number}") for number in range(40)}) == 40


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("어제 (()) 갔어", "어제 갔어"),
        ("어제 ((시장)) 갔어", "어제 시장 갔어"),
        ("그xx 재밌는", "그 재밌는"),
        ("xx하게 그냥", "하게 그냥"),
        ("가- 갔어", "가 갔어"),
        ("-그- 있잖아", "그 있잖아"),
        ("MRI x-ray", "MRI -ray"),
        ("2020-2021", "2020-2021"),
    ],
)
def test_marks_of_a_transcript_go(said: str, clean: str) -> None:
    assert without_transcript_marks(said) == clean


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("어~ 그~ 갔어요", "갔어요"),
        ("음 그건 좋아", "그건 좋아"),
        ("아~ 네", "네"),
        ("그건 어디야", "그건 어디야"),
        ("막 뛰었어", "막 뛰었어"),
        ("어머니가", "어머니가"),
    ],
)
def test_fillers_go_and_words_stay(said: str, clean: str) -> None:
    assert without_fillers(said) == clean
