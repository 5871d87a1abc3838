"""What training would learn from: every fault of a set is counted and named; the tokens are training's."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spelling import spelling

from dajeong.chat_templates import JinjaTemplate
from dajeong.models.inspection import Inspection, inspect_dialogues
from dajeong.models.tokenize import TextTokenizer, tokens_of
from dajeong.records import Dialogue, Message
from dajeong.templates import TEMPLATES, Template
from dajeong.training.examples import examples_of
from test_chat_templates import BOS, EOS

TURN = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}END{% endif %}{% endfor %}"
)


def dialogue(name: str, *texts: str, source: str = "invented") -> Dialogue:
    roles = ("user", "assistant")
    said = tuple(Message(role=roles[turn % 2], content=text) for turn, text in enumerate(texts))  # type: ignore[arg-type]
    return Dialogue(id=name, source=source, messages=said)


def jinja(source: str) -> Template:
    return JinjaTemplate(name="made", source=source, bos=BOS, eos=EOS)


def padded_with_its_end() -> TextTokenizer:
    found = copy.deepcopy(spelling().huggingface)
    found.pad_token = found.eos_token
    return TextTokenizer(found)


def inspected(template: Template, *dialogues: Dialogue, max_tokens: int = 64) -> Inspection:
    return inspect_dialogues(dialogues, template, padded_with_its_end(), max_tokens)


def codes(found: Inspection) -> dict[str, int]:
    return {each.code: each.count for each in found.findings}


def test_a_padding_token_that_ends_replies_is_named_and_harms_nothing() -> None:
    found = inspected(TEMPLATES["kullm"], dialogue("a", "안녕", "네, 안녕하세요."), max_tokens=400)
    assert codes(found) == {"pad-is-eos": 0} and found.findings[0].parameters["detail"] == found.eos
    assert found.ends == {"learned": 1, "cut": 0, "absent": 0}
    assert found.first[0].pieces[-1].learn and found.first[0].pieces[-1].text == found.eos


def test_a_begin_that_comes_twice_is_named() -> None:
    twice = jinja("{{ bos_token }}{{ bos_token }}" + TURN.replace("END", "{{ eos_token }}"))
    found = inspected(twice, dialogue("a", "안녕", "네."))
    assert codes(found)["double-bos"] == 1
    once = jinja("{{ bos_token }}" + TURN.replace("END", "{{ eos_token }}"))
    assert "double-bos" not in codes(inspected(once, dialogue("a", "안녕", "네.")))


@pytest.mark.parametrize("ending", ["", "다음", "\n"])
def test_a_template_that_never_stops_is_named(ending: str) -> None:
    found = inspected(
        jinja(TURN.replace("END", ending)), dialogue("a", "안녕", "네."), dialogue("b", "왜", "음.")
    )
    assert codes(found)["never-stops"] == 2 and found.ends["learned"] == 0 and found.ends["absent"] == 2
    assert found.findings[0].severity == "blocking" and found.findings[0].examples == ("a", "b")


def test_an_answer_that_is_too_long_is_cut_and_teaches_no_end() -> None:
    found = inspected(TEMPLATES["plain"], dialogue("a", "가" * 100, "나" * 100), dialogue("b", "짧게", "네"))
    assert codes(found)["too-long"] == 1 and found.ends == {"learned": 1, "cut": 1, "absent": 0}
    assert found.first[0].num_tokens == 64 and found.lengths is not None and found.lengths.longest == 64


def test_only_prompts_teach_nothing() -> None:
    assert codes(inspected(TEMPLATES["plain"], dialogue("a", "안녕")))["nothing-learned"] == 1


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=12), min_size=2, max_size=4), limit=st.integers(8, 90))
def test_the_pieces_are_the_ids_that_training_reads(texts: list[str], limit: int) -> None:
    tokenizer, template = padded_with_its_end(), TEMPLATES["alpaca"]
    asked = dialogue("a", *texts)
    shown = inspect_dialogues([asked], template, tokenizer, limit).first[0]
    expected = tokens_of(asked.messages, template, tokenizer, limit)
    assert [i for piece in shown.pieces for i in piece.ids] == expected.ids
    assert [piece.learn for piece in shown.pieces for _ in piece.ids] == expected.learn


def test_counts_are_those_of_training() -> None:
    rows = [dialogue(f"{n}", "질문 " * n, "답변 " * n, source=("a", "b")[n % 2]) for n in range(1, 12)]
    found = inspected(TEMPLATES["plain"], *rows)
    examples = examples_of(rows, TEMPLATES["plain"], padded_with_its_end(), 64)
    assert found.tokens == sum(len(each.ids) for each in examples.tokens)
    assert found.learned == sum(sum(each.learn) for each in examples.tokens)
    assert sum(each.truncated for each in found.sources.values()) == examples.num_truncated > 0
    assert set(found.sources) == {"a", "b"} and found.examples == len(rows)
