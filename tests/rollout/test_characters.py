"""Text as it streams: whole characters, nothing taken back, in the end what decoding at once gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from dajeong.models.settings import TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.rollout.characters import BROKEN, Characters, text_of

CORPUS = ["오늘 점심은 김치찌개가 좋겠어요.", "산책하기 좋은 날씨예요, 같이 걸을까요?", "hello there"] * 4


def byte_fallback() -> TextTokenizer:
    """The tiny model's own: a syllable outside the corpus is three byte tokens."""
    return TextTokenizer(tiny_tokenizer(CORPUS, TinySettings(vocabulary=330)))


def byte_level() -> TextTokenizer:
    """As in Polyglot: tokens hold parts of characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        show_progress=False,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>"))


def metaspace() -> TextTokenizer:
    """As in Llama 2: the decoder drops the first blank of what it is given."""
    names = ["</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"abcdefgh점심은"]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["</s>"])
    return TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>"))


TOKENIZERS = {"byte fallback": byte_fallback(), "byte level": byte_level(), "metaspace": metaspace()}
texts = st.text(
    st.one_of(
        st.sampled_from("점심은 좋겠어요 abc .\n"),
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
        st.sampled_from(["👩", "\u200d", "🍳", "é", "\u0301", "\u1100", "\u1161"]),
    ),
    max_size=14,
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=texts)
@settings(max_examples=120, deadline=None)
def test_pieces_are_the_text(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    ids = tokenizer.encode(text)
    characters = Characters(tokenizer.decode)
    pieces = [characters.add(token) for token in ids]
    assert not any(BROKEN in piece for piece in pieces)
    assert "".join(pieces) == tokenizer.decode(ids) == text_of(ids, tokenizer.decode)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=texts)
@settings(max_examples=60, deadline=None)
def test_cut_anywhere_it_is_a_prefix(name: str, text: str) -> None:
    """A reply that its limit cuts inside a character loses that character and nothing else."""
    tokenizer = TOKENIZERS[name]
    ids = tokenizer.encode(text)
    whole = tokenizer.decode(ids)
    for cut in range(len(ids) + 1):
        said = text_of(ids[:cut], tokenizer.decode)
        assert BROKEN not in said
        assert whole.startswith(said)
        characters = Characters(tokenizer.decode)
        assert "".join(characters.add(token) for token in ids[:cut]) == said


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_nonsense_streams_as_it_reads(name: str, data: Any) -> None:
    """Any tokens, broken bytes among them: the stream and the whole agree, and end in no broken bytes."""
    tokenizer = TOKENIZERS[name]
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=12))
    characters = Characters(tokenizer.decode)
    pieces = [characters.add(token) for token in ids]
    assert "".join(pieces) == text_of(ids, tokenizer.decode)
    assert not "".join(pieces).endswith(BROKEN)


def test_a_syllable_is_said_at_its_last_byte() -> None:
    tokenizer = TOKENIZERS["byte fallback"]
    ids = tokenizer.encode("뷁")
    assert len(ids) == 3
    characters = Characters(tokenizer.decode)
    assert [characters.add(token) for token in ids] == ["", "", "뷁"]


def test_one_bad_byte_spoils_no_neighbour() -> None:
    """Byte-fallback decoders give up a whole run of byte tokens for one bad byte; what is said must stand."""
    tokenizer = TOKENIZERS["byte fallback"]
    good, bad = tokenizer.encode("뷁"), tokenizer.encode("쉛")[:1]
    assert tokenizer.decode([*good, *bad]) == BROKEN * 4
    assert text_of([*good, *bad], tokenizer.decode) == "뷁"
    assert text_of([*good, *bad, *tokenizer.encode("점")], tokenizer.decode) == f"뷁{BROKEN}점"
