"""Texts as compared, hashes of n-grams, sets of digests: the fast way equals the plain one."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.filters.digests import Digests, digest_of
from dajeong.data.filters.keys import batch_of, comparable, fives, fives_by_text, grams

LETTERS = st.one_of(
    st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xAC10), max_size=30),
    st.text(st.sampled_from("가나다 abcＡ１½①ﬁß.,!?\n\x1e\u3000각각é\u0301ゝﾞ😀\ud800Ⅷ㈜"), max_size=30),
    st.text(max_size=30),
)


@given(st.lists(LETTERS, min_size=1, max_size=5))
def test_a_batch_holds_every_text_as_compared(texts: list[str]) -> None:
    batch = batch_of(texts)
    assert [batch.text(index) for index in range(len(texts))] == [comparable(text) for text in texts]


@given(LETTERS)
def test_comparing_ignores_form_case_spaces_and_punctuation(text: str) -> None:
    once = comparable(text)
    assert comparable(unicodedata.normalize("NFD", text)) == comparable(unicodedata.normalize("NFC", text))
    assert comparable(f" «{text}»!") == once


@given(st.text("가나다라", max_size=60))
def test_grams_are_equal_where_the_letters_are(text: str) -> None:
    codes = batch_of([text + "\x20"]).codes[:-1]
    hashes = grams(np.concatenate((codes, np.zeros(40, np.uint32))))
    for size, found in (
        (5, fives(codes) if len(codes) >= 5 else codes[:0]),
        (10, hashes.ten),
        (20, hashes.twenty),
    ):
        parts = [text[start : start + size] for start in range(len(text) - size + 1)]
        seen = dict(zip(parts, found[: len(parts)].tolist(), strict=True))
        assert [seen[part] for part in parts] == found[: len(parts)].tolist(), (
            "the same letters, the same hash"
        )
        assert len(set(seen.values())) == len(seen), "other letters, another hash"


@given(st.lists(st.text("가나다", max_size=12), min_size=1, max_size=5))
def test_no_shingle_crosses_from_one_text_to_the_next(texts: list[str]) -> None:
    hashes, ends = fives_by_text(batch_of(texts))
    parts = np.split(hashes, ends[:-1])
    alone = [fives_by_text(batch_of([text]))[0] for text in texts]
    assert [part.tolist() for part in parts] == [each.tolist() for each in alone]
    assert [len(part) for part in parts] == [max(0, len(text) - 4) for text in texts]


@pytest.mark.parametrize("modulus", [1 << 64, 50])
def test_a_table_of_digests_is_a_set(modulus: int) -> None:
    """Also where many digests begin at the same slots."""
    table, plain = Digests(), set()
    for number in range(3_000):
        digest = ((digest_of(str(number % 2_000).encode()) % modulus) << 6) % (1 << 64) or 1
        assert table.add(digest) == (digest not in plain)
        plain.add(digest)
    assert len(table) == len(plain)
    assert all(digest in table for digest in plain)
    assert not any(digest_of(f"other {number}".encode()) in table for number in range(500))
