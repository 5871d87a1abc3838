"""Preferences and rated replies as examples: whose tokens are learned, what is cut, what is left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.errors import DataProblem
from dajeong.models.base import Base
from dajeong.models.tokenize import Tokens
from dajeong.records import Message, Preference, Reply, Response
from dajeong.templates import TEMPLATES
from dajeong.training.preference_examples import (
    Rating,
    answer_of,
    choices_of,
    mismatched,
    rated_of,
    ratings_of,
)

TEMPLATE = TEMPLATES["koalpaca"]


def asked(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def preference(
    *contents: str, ranking: tuple[tuple[int, ...], ...] | None = None, ask: str = "점심?"
) -> Preference:
    ranks = tuple((index,) for index in range(len(contents))) if ranking is None else ranking
    return Preference(
        id=f"p-{ask}",
        prompt=asked(ask),
        responses=tuple(Response(content=content) for content in contents),
        ranking=ranks,
        weight=2.0,
    )


def test_ties_give_no_pair_and_the_first_group_is_best(tiny: Base) -> None:
    given = preference("가", "나", "다", "라", ranking=((1, 2), (0,), (3,)))
    (choice,), counts = choices_of([given], TEMPLATE, tiny.tokenizer, 100)
    assert sorted(choice.pairs) == [(0, 3), (1, 0), (1, 3), (2, 0), (2, 3)]
    assert choice.best == (1, 2) and choice.weight == 2.0 and len(choice.answers) == 4
    assert counts == (1, 0, 0, 0)


def test_what_is_cut_and_what_is_left_out_is_counted(tiny: Base) -> None:
    """A long answer loses its end and gets no faked one; a prompt without room is left out."""
    short = preference("네.", "아니요.")
    long = preference("따뜻한 국수 한 그릇 어떠세요. " * 60, "네.")
    endless = preference("네.", "아니요.", ask="오늘 점심은 뭐가 좋을까요? " * 60)
    tied = preference("네.", "아니요.", ranking=((0, 1),))
    kept, counts = choices_of([short, long, endless, tied], TEMPLATE, tiny.tokenizer, 100)
    assert counts._asdict() == {"kept": 2, "cut": 1, "too_long": 1, "unordered": 1}
    assert kept[0].answers[0].ids[-1] == tiny.tokenizer.eos_id
    assert kept[1].answers[0].truncated and len(kept[1].answers[0].ids) == 100
    assert kept[1].answers[0].ids[-1] != tiny.tokenizer.eos_id


def test_nothing_to_prefer_is_said_before_anything_is_read(tiny: Base) -> None:
    tied = [preference("가", "나", ranking=((0, 1),))] * 3
    with pytest.raises(DataProblem) as caught:
        choices_of(tied, TEMPLATE, tiny.tokenizer, 100)
    assert caught.value.code == "preferences-all-tied" and "3" in str(caught.value)
    with pytest.raises(DataProblem) as caught:
        choices_of([preference("가", "나")], TEMPLATE, tiny.tokenizer, 8)
    assert caught.value.code == "nothing-to-learn"


def test_of_a_preference_the_best_are_desirable_and_the_last_not() -> None:
    given = preference("가", "나", "다", "라", ranking=((1,), (0,), (2, 3)))
    found = [(each.content, each.desirable, each.weight) for each in ratings_of([given])]
    assert found == [("나", True, 2.0), ("다", False, 2.0), ("라", False, 2.0)]
    assert list(ratings_of([preference("가", "나", ranking=((0, 1),))])) == []


def test_a_reply_that_nobody_rated_is_left_out_and_counted(tiny: Base) -> None:
    def reply(name: str, desirable: bool | None) -> Reply:
        return Reply(
            id=name, prompt_id=name, prompt=asked(name), content="네.", author="a", desirable=desirable
        )

    rated, counts = rated_of(
        list(ratings_of([reply("가", True), reply("나", False), reply("다", None)])),
        TEMPLATE,
        tiny.tokenizer,
        100,
        seed=0,
    )
    assert [each.desirable for each in rated] == [True, False]
    assert counts._asdict() == {"kept": 2, "cut": 0, "too_long": 0, "unordered": 1}
    with pytest.raises(DataProblem) as caught:
        rated_of([Rating(asked("가"), "네.", None)], TEMPLATE, tiny.tokenizer, 100, seed=0)
    assert caught.value.code == "replies-not-rated"


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(st.integers(2, 4), st.integers(1, 5)), min_size=2, max_size=7),
    seed=st.integers(0, 99),
)
def test_what_z_reads_is_another_prompts_answer(rows: list[tuple[int, int]], seed: int) -> None:
    answers = [
        Tokens([prompt] * 3 + [100 + place] * size, [False] * 3 + [True] * size)
        for place, (prompt, size) in enumerate(rows)
    ]
    for index, answer in enumerate(answers):
        found = mismatched(index, answers, 6, seed)
        said = found.ids[3] - 100
        assert found.ids[:3] == answer.ids[:3] and len(found.ids) == len(found.learn) <= 6
        assert found.learn[:3] == [False] * 3 and all(found.learn[3:])
        if len({prompt for prompt, _ in rows}) > 1:
            assert rows[said][0] != rows[index][0]
        assert found == mismatched(index, answers, 6, seed)


def test_the_tail_behind_the_end_of_a_turn_is_not_learned(tiny: Base) -> None:
    found = answer_of(asked("점심?"), "네.", TEMPLATE, tiny.tokenizer, 100)
    assert found.ids[-1] == tiny.tokenizer.eos_id and found.learn[-1] and not found.truncated
