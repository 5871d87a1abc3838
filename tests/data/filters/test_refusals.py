"""Answers that decline or speak of being a language model; what only sounds like it stays."""

from __future__ import annotations

import pytest
from cleaned import example, pair, said

from dajeong.data.filters.refusals import Refusals
from dajeong.data.filters.settings import RefusalSettings

MODEL = (
    "AI 언어 모델로서 저는 맛을 느끼지 못합니다.",
    "저는 인공지능 언어모델이므로 의견이 없어요.",
    "인공지능으로서 말씀드리면 비가 올 것 같아요.",
    "AI라서 밥은 안 먹어요.",
    "언어 모델로서는 알 수 없는 일이에요.",
    "As an AI language model, I do not eat.",
    "As a language model이라서요.",
)
ORDINARY = (
    "한국어는 언어로서 참 재미있어요.",
    "모델로서 활동한 지 삼 년이 됐어요.",
    "AI 모델을 만드는 회사에 다녀요.",
    "has an AI lab in the building",
    "언어를 모델로 삼았어요.",
)


@pytest.mark.parametrize("answer", MODEL)
def test_speaking_as_a_model_is_dropped(answer: str) -> None:
    assert said(Refusals(RefusalSettings(find=("model",))), [example("뭐 먹었어?", answer)]) == [
        "refusal: model"
    ]


@pytest.mark.parametrize("answer", ORDINARY)
def test_ordinary_answers_stay(answer: str) -> None:
    assert said(Refusals(RefusalSettings()), [example("뭐 해?", answer)]) == [None]


def test_what_is_looked_for_is_a_setting() -> None:
    answers = ("그 부탁은 들어드릴 수 없어요.", "혐오 표현은 삼가 주세요.", "고운 말로 이야기해요.")
    records = [example("이것 좀 해 줘.", answer) for answer in answers]
    assert said(Refusals(RefusalSettings()), records) == ["refusal: refusal", None, None]
    assert said(Refusals(RefusalSettings(find=("sermon", "plea"))), records) == [
        None, "refusal: sermon", "refusal: plea",
    ]  # fmt: skip


def test_abuse_may_be_declined_and_every_answer_counts() -> None:
    declining = "그 말에는 답할 수 없어요."
    filter_ = Refusals(RefusalSettings())
    assert said(filter_, [example("(욕)", declining, kind="abusive")]) == [None]
    assert said(filter_, [pair("좋은 하루였어요.", declining)]) == ["refusal: refusal"]
    assert said(filter_, [example("“AI 언어 모델로서”가 무슨 뜻이야?", "말투예요.")]) == [None]
