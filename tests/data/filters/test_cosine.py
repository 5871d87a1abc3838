"""Questions alike by TF-IDF cosine: what comparing every pair says, on a vectoriser with a name."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cleaned import numbered, said
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.feature_extraction.text import TfidfVectorizer

from dajeong.data.filters import cosine
from dajeong.data.filters.cosine import OPTIONS, CosineDuplicates
from dajeong.data.filters.settings import CosineSettings

TEXTS = [
    "건강한 아침 식사를 추천해 주세요",
    "건강한 아침 식사를 추천해 줘",
    "겨울 바다로 가는 길을 알려 주세요",
    "건강한 아침 식사를 추천해 주세요 지금",
]


def filtered(texts: list[str], **chosen: Any) -> list[str | None]:
    with TemporaryDirectory() as folder:
        return said(CosineDuplicates(CosineSettings(**chosen), Path(folder)), numbered(texts))


def by_every_pair(texts: list[str], name: str, least: float) -> list[int | None]:
    vectors = TfidfVectorizer(**OPTIONS[name]).fit_transform(texts).toarray()
    kept: list[int] = []
    found: list[int | None] = []
    for index, vector in enumerate(vectors):
        found.append(next((other for other in kept if vectors[other] @ vector >= least), None))
        if found[-1] is None:
            kept.append(index)
    return found


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(st.sampled_from(["가을", "나무", "바다", "길가", "우산"]), min_size=1, max_size=4),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from(["word", "char_wb"]),
    st.sampled_from([0.31, 0.52, 0.83]),
)
def test_exactly_what_every_pair_says(words: list[list[str]], name: str, least: float) -> None:
    texts = [" ".join(each) for each in words]
    before, cosine._AT_ONCE = cosine._AT_ONCE, 3
    try:
        reasons = filtered(texts, vectoriser=name, least=least)
    finally:
        cosine._AT_ONCE = before
    named = [None if why is None else int(why.rsplit(" ", 1)[1]) for why in reasons]
    assert named == by_every_pair(texts, name, least)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_reason_names_the_vectoriser_the_cosine_and_the_other(name: str) -> None:
    if name == "morphemes":
        pytest.importorskip("kiwipiepy")
    reasons = filtered(TEXTS, vectoriser=name, least=0.5)
    assert reasons[0] is None and reasons[2] is None
    assert str(reasons[3]).startswith(f"cosine-{name}: ") and str(reasons[3]).endswith(" of 0")


def test_a_threshold_without_its_vectoriser_is_refused() -> None:
    with pytest.raises(ValidationError):
        CosineSettings.model_validate({"least": 0.5})


def test_texts_without_a_unit_are_like_nothing() -> None:
    assert filtered(["?", "!", "?"], vectoriser="word") == [None] * 3
