"""Records become examples: what is learned, what is cut, what is refused, and that all of it is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.errors import DataProblem
from dajeong.models.base import Base
from dajeong.models.tokenize import prompt_ids, tokens_of
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.templates import TEMPLATES
from dajeong.training.examples import examples_of, ranked_of

TEMPLATE = TEMPLATES["koalpaca"]


def talk(*said: str, name: str = "talk") -> Dialogue:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    messages = tuple(Message(role=roles[turn % 2], content=text) for turn, text in enumerate(said))  # type: ignore[arg-type]
    return Dialogue(id=name, messages=messages)


SHORT = talk("점심은?", "국수 어떠세요.")
LONG = talk("점심은?", "따뜻한 국수 한 그릇 어떠세요. " * 4)
WORDY = talk("오늘 점심은 뭐가 좋을까요? " * 6, "국수.")


def length(tiny: Base, dialogue: Dialogue) -> int:
    return len(tokens_of(dialogue.messages, TEMPLATE, tiny.tokenizer).ids)


def test_only_answers_and_their_ends_are_learned(tiny: Base) -> None:
    (example,) = examples_of([SHORT], TEMPLATE, tiny.tokenizer, 200).tokens
    asked = prompt_ids(SHORT.messages[:1], TEMPLATE, tiny.tokenizer)
    assert example.ids[: len(asked)] == asked and example.ids[-1] == tiny.tokenizer.eos_id
    assert example.learn == [False] * len(asked) + [True] * (len(example.ids) - len(asked))
    assert tiny.tokenizer.decode(example.ids[len(asked) :]).strip() == "국수 어떠세요."


def test_every_turn_of_a_dialogue_ends_in_one_learned_end(tiny: Base) -> None:
    three = talk("점심은?", "국수.", "저녁은?", "국수.", "또?", "네.")
    (example,) = examples_of([three], TEMPLATE, tiny.tokenizer, 400).tokens
    ends = [learned for token, learned in zip(*example[:2], strict=True) if token == tiny.tokenizer.eos_id]
    assert ends == [True] * 3


def test_prompts_are_learned_too_where_asked(tiny: Base) -> None:
    (example,) = examples_of([SHORT], TEMPLATE, tiny.tokenizer, 200, learn_prompts=True).tokens
    assert all(example.learn)


def test_what_is_cut_or_left_out_is_counted(tiny: Base) -> None:
    limit = length(tiny, SHORT) + 2
    assert length(tiny, LONG) > limit
    found = examples_of([SHORT, LONG, WORDY, talk("점심은?")], TEMPLATE, tiny.tokenizer, limit)
    assert [example.truncated for example in found.tokens] == [False, True]
    assert found.num_truncated == 2, "the wordy one was cut too, before its answer"
    assert found.num_without_answer == 2
    short, cut = found.tokens
    assert short.ids[-1] == tiny.tokenizer.eos_id
    assert len(cut.ids) == limit and tiny.tokenizer.eos_id not in cut.ids, "no faked end"


def test_the_summary_adds_up(tiny: Base) -> None:
    found = examples_of([SHORT, LONG, talk("점심은?")], TEMPLATE, tiny.tokenizer, 400)
    learned = [sum(example.learn) for example in found.tokens]
    total = length(tiny, SHORT) + length(tiny, LONG)
    assert found.summary() == {
        "examples": 2,
        "truncated": 0,
        "without_answer": 1,
        "tokens": total,
        "learned_share": pytest.approx(sum(learned) / total),
    }


@pytest.mark.parametrize("rows", [[], [WORDY], [talk("점심은?")] * 3])
def test_nothing_to_learn_is_refused(tiny: Base, rows: list[Dialogue]) -> None:
    with pytest.raises(DataProblem) as caught:
        examples_of(rows, TEMPLATE, tiny.tokenizer, 20)
    assert caught.value.code == "nothing-to-learn" and caught.value.parameters["rows"] == len(rows)


@given(st.lists(st.text("점심국수 ?.", min_size=1, max_size=60), min_size=1, max_size=5), st.integers(8, 80))
def test_every_row_is_used_or_counted(tiny: Base, answers: list[str], limit: int) -> None:
    rows = [talk("점심?", answer) for answer in answers]
    try:
        found = examples_of(rows, TEMPLATES["plain"], tiny.tokenizer, limit)
    except DataProblem:
        return
    assert len(found.tokens) + found.num_without_answer == len(rows)
    for example in found.tokens:
        assert len(example.ids) == len(example.learn) <= limit and any(example.learn[1:])
        assert example.truncated != (example.ids[-1] == tiny.tokenizer.eos_id)


# --- preferences


def preference(*contents: str, ranking: Any, weight: float = 1.0) -> Preference:
    return Preference(
        id="pair",
        prompt=(Message(role="user", content="점심은?"),),
        responses=tuple(Response(content=content) for content in contents),
        ranking=ranking,
        weight=weight,
    )


def test_a_preference_keeps_its_pairs_its_weight_and_one_sequence_a_response(tiny: Base) -> None:
    given_preference = preference("국수.", "싫어.", "좋아.", ranking=((2,), (0, 1)), weight=0.5)
    (ranked,) = ranked_of([given_preference], TEMPLATE, tiny.tokenizer, 200)
    assert ranked.pairs == [(2, 0), (2, 1)] and ranked.weight == 0.5 and len(ranked.sequences) == 3
    asked = prompt_ids(given_preference.prompt, TEMPLATE, tiny.tokenizer)
    for ids, response in zip(ranked.sequences, given_preference.responses, strict=True):
        assert ids[: len(asked)] == asked and ids[-1] == tiny.tokenizer.eos_id
        assert tiny.tokenizer.decode(ids[len(asked) :]).strip() == response.content


def test_what_is_too_long_loses_the_front_of_its_prompt_and_keeps_its_end(tiny: Base) -> None:
    given_preference = preference("국수.", "싫어.", ranking=((0,), (1,)))
    (whole,) = ranked_of([given_preference], TEMPLATE, tiny.tokenizer, 400)
    (cut,) = ranked_of([given_preference], TEMPLATE, tiny.tokenizer, 12)
    assert [ids[-12:] for ids in whole.sequences] == cut.sequences


def test_a_preference_that_orders_nothing_is_left_out_and_none_at_all_is_refused(tiny: Base) -> None:
    tied, ordered = preference("가", "나", ranking=((0, 1),)), preference("가", "나", ranking=((1,), (0,)))
    assert len(ranked_of([tied, ordered, tied], TEMPLATE, tiny.tokenizer, 99)) == 1
    with pytest.raises(DataProblem) as caught:
        ranked_of([tied], TEMPLATE, tiny.tokenizer, 99)
    assert caught.value.code == "nothing-to-learn"
