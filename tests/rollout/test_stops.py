"""Stop strings: where a text is cut into pieces never matters, and nothing of a stop string is said."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.models.settings import TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.rollout.opening import Opening
from dajeong.rollout.speech import Speech
from dajeong.rollout.stops import Stops
from dajeong.templates import TEMPLATES

TOKENIZER = TextTokenizer(tiny_tokenizer(["김치찌개 어때요? 좋아요!"] * 4, TinySettings(vocabulary=310)))
END = frozenset({TOKENIZER.eos_id})


def said(pieces: list[str], strings: list[str]) -> tuple[str, bool]:
    stops = Stops(strings)
    text = "".join(stops.add(piece) for piece in pieces)
    return text + stops.end(), stops.found


def expected(text: str, strings: list[str]) -> tuple[str, bool]:
    """Letter by letter: the first string that is complete ends the text where it begins."""
    for end in range(1, len(text) + 1):
        ending = [string for string in strings if text[:end].endswith(string)]
        if ending:
            return text[: end - max(map(len, ending))], True
    return text, False


@given(
    st.lists(st.text("aab", max_size=4), max_size=8),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
)
@settings(max_examples=300)
def test_pieces_never_matter(pieces: list[str], strings: list[str]) -> None:
    assert said(pieces, strings) == expected("".join(pieces), strings)


def test_what_cannot_be_a_stop_string_is_said_at_once() -> None:
    stops = Stops(["\n###", "끝"])
    assert [stops.add(piece) for piece in ("안녕", "하세요\n", "##", "참", "!끝났", "다")] == [
        "안녕",
        "하세요",
        "",
        "\n##참",
        "!",
        "",
    ]
    assert stops.found and stops.end() == ""


@given(st.text("김치 좋아🙂👩‍👩‍👧가요!", max_size=12), st.integers(1, 4), st.booleans())
@settings(max_examples=100)
def test_streamed_is_whole_and_never_a_broken_character(text: str, cut: int, blank: bool) -> None:
    tokens = TOKENIZER.encode(" " * blank + text)
    tokens = tokens[:-cut] if cut < 4 else tokens
    opening = Opening(TEMPLATES["koalpaca"])
    streamed, once = (
        Speech(TOKENIZER.decode, END, ["요!"], opening),
        Speech(TOKENIZER.decode, END, ["요!"], opening),
    )
    pieces = [streamed.add(token) for token in tokens]
    pieces.append(streamed.end())
    assert "\ufffd" not in "".join(pieces)
    assert "".join(once.add(token) for token in tokens) + once.end() == "".join(pieces)
    if cut == 4 and "요!" not in text:
        assert "".join(pieces).strip() == text.strip()


def test_a_stop_string_within_a_character_of_several_tokens() -> None:
    """⛄ is spelled in bytes; the stop string is found with the last of them, and none is shown."""
    speech = Speech(TOKENIZER.decode, END, ["⛄"])
    tokens = TOKENIZER.encode("좋아⛄요")
    pieces = [speech.add(token) for token in tokens]
    assert "".join(pieces) == "좋아" and speech.stopped


def test_the_end_token_is_no_text() -> None:
    speech = Speech(TOKENIZER.decode, END)
    assert speech.add(TOKENIZER.eos_id) == "" and speech.end() == ""
