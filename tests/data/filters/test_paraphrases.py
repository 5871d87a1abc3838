"""Paraphrases: ROUGE-L over what carries meaning tells them from other tasks in the same words."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from cleaned import example, numbered, said
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dajeong.data.filters.paraphrases import Distinct, Paraphrases, Units, similarity, stripped_syllables
from dajeong.data.filters.settings import ParaphraseSettings
from shared_data import SHARED, needs_shared


def rouge_l(one: str, other: str) -> float:
    """F1 of the longest common subsequence, by the textbook's table."""
    lengths = [0] * (len(other) + 1)
    for unit in one:
        before = list(lengths)
        for index, with_other in enumerate(other):
            longer = before[index] + 1 if unit == with_other else max(before[index + 1], lengths[index])
            lengths[index + 1] = longer
    total = len(one) + len(other)
    return 2 * lengths[-1] / total if total else 1.0


@given(st.text("가나다라", max_size=9), st.text("가나다라", max_size=9))
def test_the_similarity_is_rouge_l(one: str, other: str) -> None:
    assert similarity(one, other) == pytest.approx(rouge_l(one, other), abs=1e-12)


def scores(kind: str, unit: str) -> list[float]:
    path = SHARED.parent / "reference" / "data_fixtures.json"
    pairs = json.loads(path.read_text(encoding="utf-8"))[kind]
    units = Units(ParaphraseSettings.model_validate({"unit": unit}))
    return [similarity(*units.of(pair)) for pair in pairs]


@needs_shared
@pytest.mark.parametrize(("unit", "least"), [("syllables", 0.90), ("morphemes", 0.96)])
def test_paraphrases_are_told_from_other_tasks(unit: str, least: float) -> None:
    if unit == "morphemes":
        pytest.importorskip("kiwipiepy")
    same, other = np.array(scores("paraphrase", unit)), np.array(scores("other_task", unit))
    wins = (same[:, None] > other).mean() + 0.5 * (same[:, None] == other).mean()
    assert len(same) == len(other) == 30
    assert wins >= least, "area under the ROC curve"
    assert (same >= 0.7).mean() >= 0.7 and (other >= 0.7).mean() <= 0.1


@pytest.mark.parametrize(
    "forms",
    [
        (
            "방법을 설명하세요.",
            "방법을 설명해 주세요",
            "방법을 설명하시오",
            "방법을 설명해줘",
            "방법을 설명해 주시기 바랍니다.",
        ),
        ("무엇인가요?", "무엇입니까?", "무엇일까요?"),
    ],
)
def test_the_ending_of_a_request_is_no_difference(forms: tuple[str, ...]) -> None:
    for one, other in pairwise(forms):
        assert similarity(stripped_syllables(one), stripped_syllables(other)) > 0.75, (one, other)


@pytest.mark.parametrize("text", ["주세요", "해 줘", "요?", "…", ""])
def test_a_text_that_is_all_ending_is_not_emptied(text: str) -> None:
    assert bool(stripped_syllables(text)) == any(letter.isalpha() for letter in text)


QUESTIONS = (
    "건강한 아침 식사를 추천해 주세요.",
    "겨울에 읽기 좋은 소설을 알려 주세요.",
    "건강한 아침 식사를 추천하세요!",
    "건강한 아침 식사 추천해줘",
)


@pytest.mark.parametrize("unit", ["syllables", "morphemes"])
def test_the_first_of_several_stays_and_is_named(unit: str) -> None:
    if unit == "morphemes":
        pytest.importorskip("kiwipiepy")
    settings = ParaphraseSettings.model_validate({"unit": unit})
    reasons = said(Paraphrases(settings), numbered(QUESTIONS))
    assert reasons[:2] == [None, None]
    assert all(str(why).startswith("paraphrase: ") and str(why).endswith(" of 0") for why in reasons[2:])


def test_the_context_belongs_to_the_question_and_the_threshold_is_a_setting() -> None:
    records = [
        example("다음 글을 요약해 주세요.", name="0", context="고양이가 창가에서 잠을 자고 있었다."),
        example("다음 글을 요약해 주세요.", name="1", context="기차는 새벽 다섯 시에 부산을 떠났다."),
    ]
    syllables = {"unit": "syllables"}
    assert said(Paraphrases(ParaphraseSettings.model_validate(syllables)), records) == [None, None]
    lenient = ParaphraseSettings.model_validate({**syllables, "least": 0.3})
    assert said(Paraphrases(lenient), records)[1] is not None


def test_questions_without_a_letter_are_never_alike() -> None:
    settings = ParaphraseSettings(unit="syllables")
    assert said(Paraphrases(settings), numbered(["?!", "?!", "…"])) == [None, None, None]


TEXTS = st.lists(st.text("가나다라마바", max_size=9), max_size=25)


@hypothesis_settings(deadline=None, max_examples=60)
@given(TEXTS, st.sampled_from([0.3, 0.5, 0.7, 0.95, 1.0]))
def test_pruning_by_length_misses_nothing(texts: list[str], least: float) -> None:
    """The same decisions, and the same nearest text, as comparing every pair."""
    unit = ParaphraseSettings(unit="syllables", least=least)
    units = Units(unit).of(texts)
    kept: list[str] = []
    expected: list[tuple[float, int] | None] = []
    for text in units:
        scores = [(similarity(text, other), -place) for place, other in enumerate(kept) if text]
        near = max((pair for pair in scores if pair[0] >= least), default=None)
        expected.append(None if near is None else (near[0], -near[1]))
        if near is None:
            kept.append(text)
    assert Distinct(unit).offer(texts) == expected


def test_what_is_only_asked_about_is_not_kept() -> None:
    pool = Distinct(ParaphraseSettings(unit="syllables"))
    pool.add("아침 식사를 추천해 주세요.")
    pool.add("아침 식사를 추천해 줘!")
    assert pool.nearest("아침 식사 추천") == (pytest.approx(0.92, abs=0.05), 0)
    assert pool.nearest("겨울 소설을 알려 주세요") is None and pool.nearest("") is None
    assert pool.nearest("겨울 소설을 알려 주세요") is None
    assert pool.nearest("아침 식사 추천", least=0.99) is None
