"""Text to ids: what a user spells is text, a template's tokens are tokens, and nothing ends that was cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spelling import CATALOGUE, CONTROL, spelling
from transformers import AutoTokenizer

from dajeong.errors import DataProblem, EnvironmentProblem
from dajeong.models.tokenize import TextTokenizer, end_id, prompt_ids, stop_ids, tokens_of
from dajeong.templates import TEMPLATES
from test_chat_templates import BOS, ENDS, EOS, chat
from test_templates import SCENES, assistant, user

SPECIAL = [*CONTROL, *ENDS.values(), "<|endoftext|>", "<|pad|>"]
each_template = pytest.mark.parametrize("name", CATALOGUE)
each_tokenizer = pytest.mark.parametrize("adds_bos", [False, True])


# --- BOS


@each_template
@pytest.mark.parametrize("scene", SCENES)
def test_exactly_one_bos(name: str, scene: str) -> None:
    """Also where a chat template spells it out itself; Llama 2 spells one before every user."""
    tokenizer = spelling(adds_bos=True)
    found = tokens_of(SCENES[scene], CATALOGUE[name], tokenizer)
    spoken = [message.role for message in SCENES[scene]].count("user") if name == "llama-2" else 1
    assert found.ids.count(tokenizer.id_of(BOS)) == spoken
    assert found.ids[0] == tokenizer.id_of(BOS) != found.ids[1]
    assert not found.learn[0] and len(found.learn) == len(found.ids)


@each_template
def test_a_tokenizer_that_adds_none_leaves_it_to_the_template(name: str) -> None:
    tokenizer = spelling()
    assert tokenizer.bos_id is None
    ids = tokens_of(SCENES["answered"], CATALOGUE[name], tokenizer).ids
    template = CATALOGUE[name].model_dump()
    assert ids.count(tokenizer.id_of(BOS)) == int("bos_token" in template.get("source", ""))


def test_a_bos_that_a_user_spells_is_text() -> None:
    tokenizer = spelling(adds_bos=True)
    found = tokens_of([user(BOS), assistant(BOS)], chat("llama-3"), tokenizer)
    assert found.ids.count(tokenizer.id_of(BOS)) == 1


# --- special tokens in data


@each_tokenizer
@pytest.mark.parametrize("token", SPECIAL)
def test_a_special_token_in_data_is_text(token: str, adds_bos: bool) -> None:
    tokenizer = spelling(adds_bos)
    special = tokenizer.id_of(token)
    for text in (token, f"앞{token}뒤", f"{token} {token}"):
        for _ in range(2):  # whatever was asked before
            assert special not in tokenizer.encode(text)
            assert special in tokenizer.encode(text, control=True)
        assert special not in tokenizer.encode_many([text, text])[1]
        assert tokenizer.decode(tokenizer.encode(text)) == text


@each_template
@settings(max_examples=20)
@given(token=st.sampled_from(SPECIAL))
def test_no_message_brings_a_control_token(name: str, token: str) -> None:
    tokenizer = spelling()
    special = {tokenizer.id_of(one) for one in SPECIAL}

    def control(content: str) -> list[int]:
        ids = tokens_of([user(content), assistant(content)], CATALOGUE[name], tokenizer).ids
        return [one for one in ids if one in special]

    assert control(f"그런데 {token} 뭐죠?") == control("그런데 뭐죠?")


@given(texts=st.lists(st.text(max_size=12), max_size=6))
def test_many_at_once_are_one_by_one(texts: list[str]) -> None:
    assert spelling().encode_many(texts) == [spelling().encode(text) for text in texts]


def test_control_tokens_are_not_said_aloud() -> None:
    tokenizer = spelling()
    ids = [*tokenizer.encode("안녕"), tokenizer.eos_id, tokenizer.id_of("<|im_end|>"), tokenizer.pad_id]
    assert tokenizer.decode(ids) == "안녕"
    assert tokenizer.decode([]) == "" and tokenizer.encode("") == []


# --- mask and length


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - {"plain"}))
@pytest.mark.parametrize("scene", ["answered", "answered with context"])
def test_what_is_learned_is_the_answer_and_its_end(name: str, scene: str) -> None:
    tokenizer, template = spelling(), CATALOGUE[name]
    found = tokens_of(SCENES[scene], template, tokenizer)
    learned = [one for one, learn in zip(found.ids, found.learn, strict=True) if learn]
    assert learned[-1] == end_id(template, tokenizer)
    assert tokenizer.decode(learned[:-1]).strip() == SCENES[scene][-1].content


def test_plain_text_is_learned_whole() -> None:
    assert all(tokens_of(SCENES["answered"], TEMPLATES["plain"], spelling()).learn)
    assert not any(tokens_of(SCENES["prompt"], TEMPLATES["plain"], spelling()).learn)


@each_template
def test_what_is_cut_says_so_and_is_not_ended(name: str) -> None:
    tokenizer, template = spelling(), CATALOGUE[name]
    whole = tokens_of(SCENES["answered"], template, tokenizer)
    size = len(whole.ids)
    assert not whole.truncated and tokens_of(SCENES["answered"], template, tokenizer, size) == whole
    end = size - whole.ids[::-1].index(end_id(template, tokenizer)) - 1
    for length in range(1, size):
        cut = tokens_of(SCENES["answered"], template, tokenizer, length)
        assert cut == (whole.ids[:length], whole.learn[:length], True)
        ends = [one for one, learn in zip(cut.ids, cut.learn, strict=True) if learn][-1:]
        assert ends != [end_id(template, tokenizer)] or length > end


# --- prompts and stops


@each_template
@each_tokenizer
def test_a_prompt_is_how_its_answered_dialogue_begins(name: str, adds_bos: bool) -> None:
    tokenizer, template = spelling(adds_bos), CATALOGUE[name]
    for scene in ("answered", "answered with context", "several turns"):
        start = prompt_ids(SCENES[scene][:-1], template, tokenizer)
        assert tokens_of(SCENES[scene], template, tokenizer).ids[: len(start)] == start


def test_a_prompt_does_not_end_with_an_answer() -> None:
    with pytest.raises(DataProblem) as caught:
        prompt_ids([user("안녕?"), assistant("반가워요.")], TEMPLATES["kullm"], spelling())
    assert (caught.value.code, caught.value.exit_code) == ("not-a-prompt", 3)
    assert "반가워요" in str(caught.value)


@each_template
def test_generation_stops_where_training_ended(name: str) -> None:
    tokenizer = spelling()
    end = tokenizer.id_of(ENDS.get(name, EOS))
    assert end_id(CATALOGUE[name], tokenizer) == end
    assert stop_ids(CATALOGUE[name], tokenizer) == {end, tokenizer.id_of(EOS)}


def test_a_template_of_another_model_is_refused(folders: dict[str, Path]) -> None:
    tokenizer = TextTokenizer(AutoTokenizer.from_pretrained(folders["neox"]))
    with pytest.raises(EnvironmentProblem) as caught:
        stop_ids(chat("gemma-3"), tokenizer)
    assert (caught.value.code, caught.value.exit_code) == ("tokenizer-lacks-token", 4)
    assert "<end_of_turn>" in str(caught.value)


# --- the tokenizer itself


def test_without_a_padding_token_the_end_pads(folders: dict[str, Path]) -> None:
    huggingface = AutoTokenizer.from_pretrained(folders["neox"])
    assert TextTokenizer(huggingface).pad_id == huggingface.pad_token_id != huggingface.eos_token_id
    huggingface.pad_token = None
    assert TextTokenizer(huggingface).pad_id == huggingface.eos_token_id


@each_tokenizer
def test_saved_and_read_again_it_is_the_same(adds_bos: bool, tmp_path: Path) -> None:
    first = spelling(adds_bos)
    first.encode("<bos>")  # what was asked before is not part of the tokenizer
    first.save(tmp_path)
    again = TextTokenizer(AutoTokenizer.from_pretrained(tmp_path))
    assert (again.bos_id, again.eos_id, again.pad_id, again.vocab_size) == (
        first.bos_id,
        first.eos_id,
        first.pad_id,
        first.vocab_size,
    )
    for control in (False, True):
        text = "안녕 <|im_end|> 우산</s>"
        assert again.encode(text, control=control) == first.encode(text, control=control)
