"""The tiny model: any text comes back unchanged, stock transformers loads it, the seed decides its bytes."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from families import CORPUS, TINY
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTNeoXForCausalLM

from dajeong.models.base import load_base
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import END, PAD, tiny_tokenizer, write_tiny
from dajeong.models.tokenize import TextTokenizer

LARGER = TinySettings(layers=1, hidden=16, heads=2, vocabulary=700, positions=64)
any_text = st.text(st.characters(exclude_categories=["Cs"]))


@functools.cache
def tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer(CORPUS, TINY))


# --- text


@settings(max_examples=300)
@given(text=any_text)
@example(text="  두 칸  \n\n\t끝 ")
@example(text="👩‍👩‍👧 한국어 ᄒ, ａｂ, e\u0301, \ufeff, \u200b, \x00")
@example(text=f"{END}{PAD}<0x41><0x0A>")
@example(text="\r\n \r")
def test_any_text_comes_back(text: str) -> None:
    ids = tokenizer().encode(text)
    assert tokenizer().decode(ids) == text
    assert all(0 <= one < tokenizer().vocab_size for one in ids)


HOSTILE = [END, PAD, "<0x41>", "<0x0A>", "<unk>", "##가", "▁가", "Ġ가"]


@pytest.mark.parametrize("spelled", HOSTILE)
@settings(max_examples=10)
@given(text=any_text)
def test_a_corpus_that_spells_tokens_spoils_nothing(spelled: str, text: str) -> None:
    learned = taught(spelled)
    assert (learned.eos_id, learned.pad_id) == (0, 1)
    for said in (text, spelled, f"{spelled}{text}A\n", "A\n가"):
        ids = learned.encode(said)
        assert learned.decode(ids) == said
        assert not {learned.eos_id, learned.pad_id} & set(ids)


@functools.cache
def taught(spelled: str) -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer([f"{spelled} {spelled} A A\n"] * 50, LARGER))


@given(ids=st.lists(st.integers(0, TINY.vocabulary - 1), max_size=20))
def test_any_ids_are_some_text(ids: list[int]) -> None:
    known = [one for one in ids if one < tokenizer().vocab_size]
    assert isinstance(tokenizer().decode(known), str)


def test_what_was_learned_is_shorter() -> None:
    text = CORPUS[0]
    assert len(tokenizer().encode(text)) < len(text) < len(text.encode("utf-8"))


def test_a_blank_belongs_to_the_word_behind_it() -> None:
    """So that the tokens of a prompt do not change with what follows."""
    for first, second in (("점심은", " 김치찌개가 좋겠어요."), ("안녕", "\n\n비가"), ("a", "  b")):
        joined = tokenizer().encode(first) + tokenizer().encode(second)
        assert tokenizer().decode(joined) == first + second
    assert tokenizer().encode("점심은 김치찌개가") == [
        *tokenizer().encode("점심은"),
        *tokenizer().encode(" 김치찌개가"),
    ]


def test_the_vocabulary_has_at_most_the_size_asked_for() -> None:
    many = ["".join(chr(0xAC00 + 7 * (i * 31 + j) % 11172) for j in range(9)) for i in range(400)] * 2
    assert tokenizer().vocab_size <= TINY.vocabulary
    assert len(tiny_tokenizer(many, LARGER)) <= LARGER.vocabulary, "also where the characters alone are more"


def test_a_corpus_of_nothing_still_spells_everything() -> None:
    bare = TextTokenizer(tiny_tokenizer([], TINY))
    assert bare.vocab_size == 258 and bare.decode(bare.encode("가나 A")) == "가나 A"


# --- the folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    for name, seed in (("first", 4), ("again", 4), ("other", 5)):
        torch.manual_seed(len(name))  # the state around it does not matter
        write_tiny(root / name, CORPUS, TINY, seed)
    return {folder.name: folder for folder in root.iterdir()}


def test_same_seed_same_bytes(written: dict[str, Path]) -> None:
    assert bytes_of(written["first"]) == bytes_of(written["again"])


def test_another_seed_draws_other_weights_only(written: dict[str, Path]) -> None:
    first, other = bytes_of(written["first"]), bytes_of(written["other"])
    assert [name for name in first if first[name] != other[name]] == ["model.safetensors"]


def test_writing_leaves_the_global_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    write_tiny(tmp_path, CORPUS, TINY, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_stock_transformers_loads_it(written: dict[str, Path]) -> None:
    model = AutoModelForCausalLM.from_pretrained(written["first"])
    stock = AutoTokenizer.from_pretrained(written["first"])
    assert isinstance(model, GPTNeoXForCausalLM)
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (TINY.layers, TINY.hidden)
    assert model.config.vocab_size == len(stock) == model.get_output_embeddings().weight.shape[0]
    assert (stock.eos_token, stock.pad_token) == (END, PAD)
    assert (model.config.eos_token_id, model.config.pad_token_id) == (stock.eos_token_id, stock.pad_token_id)
    ours = load_base(str(written["first"])).tokenizer
    assert stock(CORPUS[0]).input_ids == ours.encode(CORPUS[0]) and ours.bos_id is None
    assert stock.decode(ours.encode(CORPUS[0])) == CORPUS[0]
    with torch.no_grad():
        logits = model(torch.tensor([ours.encode(CORPUS[0])])).logits
    assert torch.isfinite(logits).all()


def test_files_are_the_ordinary_ones(written: dict[str, Path]) -> None:
    names = set(bytes_of(written["first"]))
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_which_characters_have_tokens_is_no_matter_of_chance() -> None:
    """More characters than room: the commonest stay, and of equally common ones the first by code point."""
    common = [chr(ord("가") + step) for step in range(40)]
    rare = [chr(ord("나") + step) for step in range(90)]
    vocabulary = tiny_tokenizer([*common * 2, *rare[::-1]], TINY).get_vocab()
    room = TINY.vocabulary - 258
    assert {word for word in vocabulary if len(word) == 1} == {*common, *rare[: room - len(common)]}
