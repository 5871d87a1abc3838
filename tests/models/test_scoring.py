"""A reward is read over the same ids wherever it is read: in training, in evaluation and after a rollout."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest
import torch
from families import add_drawn, bare_model, some_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from spelling import CATALOGUE, spelling

from dajeong.models.layout import Layout
from dajeong.models.load import ChatModel
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import fill, rewards_of, scored_ids
from dajeong.models.tokenize import end_id, prompt_ids, tokens_of
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.engine import Completion, OnToken, Request
from dajeong.rollout.reply import Writer
from test_templates import SCENES

PROMPTS = {
    "asked": SCENES["prompt"],
    "with context": SCENES["prompt with context"],
    "several turns": SCENES["several turns"][:-1],
    "system": SCENES["system"],
}
each_template = pytest.mark.parametrize("name", CATALOGUE)
answers = st.one_of(
    st.sampled_from(["안녕하세요!", " 앞이 비었어요", "\n줄부터", "끝이 비었어요 ", "</s>", "a", "답변: 예"]),
    st.text(st.characters(exclude_categories=["Cs", "Co", "Cc"]), min_size=1, max_size=8),
)


def learned_tail(prompt: Sequence[Message], answer: str, name: str, adds_bos: bool) -> list[int]:
    """What SFT learns of the last answer: everything it learns after the prompt."""
    tokenizer, template = spelling(adds_bos), CATALOGUE[name]
    found = tokens_of([*prompt, Message(role="assistant", content=answer)], template, tokenizer)
    start = len(prompt_ids(prompt, template, tokenizer))
    return [one for one, learn in zip(found.ids[start:], found.learn[start:], strict=True) if learn]


@each_template
@settings(max_examples=25)
@given(scene=st.sampled_from(sorted(PROMPTS)), answer=answers, adds_bos=st.booleans())
def test_scored_is_the_prompt_and_what_sft_learns(name: str, scene: str, answer: str, adds_bos: bool) -> None:
    """So it ends where a rollout ends, whatever a template writes between turns."""
    tokenizer, template, prompt = spelling(adds_bos), CATALOGUE[name], PROMPTS[scene]
    tail = learned_tail(prompt, answer, name, adds_bos)
    scored = scored_ids(prompt, answer, template, tokenizer, 10_000)
    assert scored == prompt_ids(prompt, template, tokenizer) + tail
    assert scored[-1] == end_id(template, tokenizer)


class Recited:
    """An engine that says what it was told."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = tuple(ids)

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        return [Completion(self.ids, (0.0,) * len(self.ids), "eos") for _ in requests]


@each_template
@settings(max_examples=25)
@given(scene=st.sampled_from(sorted(PROMPTS)), answer=answers)
def test_a_written_reply_is_scored_over_the_ids_it_was_drawn_as(name: str, scene: str, answer: str) -> None:
    tokenizer, template, prompt = spelling(), CATALOGUE[name], PROMPTS[scene]
    drawn = learned_tail(prompt, answer, name, False)
    chat = ChatModel(silent(), None, tokenizer, template, "recited")
    (reply,) = Writer(chat, Recited(drawn)).replies(
        [Dialogue(id="p", messages=tuple(prompt))], Decoding(), seed=0, author="recited"
    )
    start = prompt_ids(prompt, template, tokenizer)
    assert scored_ids(reply.prompt, reply.content, template, tokenizer, 10_000) == [*start, *drawn]


@functools.cache
def silent() -> RoleModel:
    return bare_model()


@each_template
@pytest.mark.parametrize("longest", [1, 5, 20])
def test_what_is_too_long_loses_its_front(name: str, longest: int) -> None:
    tokenizer, template = spelling(adds_bos=True), CATALOGUE[name]
    whole = scored_ids(PROMPTS["asked"], "반가워요. 우산 챙기세요.", template, tokenizer, 10_000)
    cut = scored_ids(PROMPTS["asked"], "반가워요. 우산 챙기세요.", template, tokenizer, longest)
    assert cut == whole[-longest:] and len(cut) == longest


# --- rewards


@functools.cache
def judging() -> RoleModel:
    model = bare_model("llama")
    add_drawn(model, "reward", seed=2, head=True, dropout=0.5)
    return model


def reward_alone(ids: Sequence[int]) -> float:
    model = judging()
    with torch.no_grad():
        hidden = model.hidden(torch.tensor([list(ids)]), torch.arange(len(ids))[None], Layout.all("reward"))
        return float(hidden[0, -1] @ model.score("reward")[0])


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=9), budget=st.integers(1, 100))
def test_rewards_do_not_depend_on_company_or_order(sizes: list[int], budget: int) -> None:
    sequences = [some_ids(size, seed=index) for index, size in enumerate(sizes)]
    found = rewards_of(judging(), "reward", sequences, budget)
    assert found == pytest.approx([reward_alone(ids) for ids in sequences], abs=1e-5)


def test_nothing_drops_and_learning_goes_on_afterwards() -> None:
    model = bare_model()
    add_drawn(model, "reward", seed=2, head=True, trainable=True, dropout=0.5)
    before = rewards_of(model, "reward", [some_ids(9)], 100)
    model.learning()
    assert rewards_of(model, "reward", [some_ids(9)], 100) == before
    assert all(layer.training for layer in model.role_layers().values())
    assert not model.base.training


def test_no_sequences_no_rewards() -> None:
    assert rewards_of(judging(), "reward", [], 100) == []


@given(lengths=st.lists(st.integers(1, 50), max_size=20), budget=st.integers(1, 120))
def test_groups_keep_order_and_budget(lengths: list[int], budget: int) -> None:
    order = list(range(len(lengths)))[::-1]
    groups = list(fill(order, lengths, budget))
    assert [index for group in groups for index in group] == order
    for group, after in zip(groups, [*groups, None][1:], strict=True):
        total = sum(lengths[index] for index in group)
        assert total <= budget or len(group) == 1
        assert after is None or total + lengths[after[0]] > budget, "the next would have fitted"
