"""Records of sets that models are measured on are known by their note, their id, their question."""

from __future__ import annotations

import pytest

from dajeong.data import reserved
from dajeong.data.filters.set_marks import question_digest, shipped_questions
from dajeong.data.reserved import refuse_reserved, reserved_for
from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, Preference, Response

SET = "user-oriented-252"


def example(question: str, context: str | None = None, name: str = "1", **meta: str) -> Dialogue:
    asked = Message(role="user", content=question, context=context)
    return Dialogue(id=name, messages=(asked, Message(role="assistant", content="네.")), meta=meta)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_oriented_task_0", SET),
        ("kullm:user_oriented_task_251", SET),
        ("kullm:user_oriented_task_3.1", SET),
        ("user_oriented_task_0b", None),
        ("my_user_oriented_task_0", None),
        ("kullm:1", None),
    ],
)
def test_an_id_gives_it_away(name: str, expected: str | None) -> None:
    assert reserved_for(example("뭐 해?", name=name)) == expected


def test_a_question_gives_it_away_however_it_is_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    known = question_digest(example("다음 글을 세 문장으로 줄여 주세요.", "강가에 우산이 떠 있었다."))
    monkeypatch.setattr(reserved, "shipped_questions", lambda: {known: "invented"})
    assert (
        reserved_for(example("다음 글을  세 문장으로 줄여주세요", "강가에 우산이, 떠 있었다")) == "invented"
    )
    assert reserved_for(example("다음 글을 세 문장으로 줄여 주세요.", "다른 글이에요.")) is None
    assert reserved_for(example("다음 글을 세 문장으로 줄여 주세요.")) is None
    asked = (
        Message(
            role="user", content="다음 글을 세 문장으로 줄여 주세요.", context="강가에 우산이 떠 있었다."
        ),
    )
    answers = (Response(content="네."), Response(content="아니요."))
    pair = Preference(id="p", prompt=asked, responses=answers, ranking=((0,), (1,)))
    assert reserved_for(pair) == "invented"


def test_what_comes_along_names_registered_sets() -> None:
    assert set(shipped_questions().values()) == {SET}
    assert len(shipped_questions()) > 300


def test_a_record_read_for_measuring_is_refused_by_whoever_learns() -> None:
    kept = [example("뭐 해?"), example("어디 가?", name="2")]
    refuse_reserved(kept, "sft")
    with pytest.raises(DataProblem) as caught:
        refuse_reserved([*kept, example("왜?", name="3", evaluation="kobest")], "sft")
    assert caught.value.exit_code == 3 and "kobest" in str(caught.value) and "3" in str(caught.value)
