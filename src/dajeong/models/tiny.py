"""The tiny model: an ordinary GPT-NeoX folder whose tokenizer comes from the run's own text. Weights are
drawn, not trained.

Character BPE with byte fallback: at this size byte-level BPE would split Hangul (1.95 against 3.3 characters
a token).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dajeong.models.runtime import quiet_transformers
from dajeong.models.settings import TinySettings

END, PAD = "<|endoftext|>", "<|pad|>"
WORDS = r" ?[^\s]+|\s+"
"""Merges stay inside a word and the blank before it."""


def write_tiny(folder: Path, texts: Iterable[str], settings: TinySettings, seed: int) -> None:
    """Save tokenizer, configuration and freshly drawn weights of a tiny GPT-NeoX."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    quiet_transformers()
    tokenizer = tiny_tokenizer(texts, settings)
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.hidden,
        max_position_embeddings=settings.positions,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25},
        attention_dropout=0.0,
        hidden_dropout=0.0,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPTNeoXForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def tiny_tokenizer(texts: Iterable[str], settings: TinySettings) -> Any:
    """A fast tokenizer of `settings.vocabulary` tokens that spells any text and gives it back unchanged."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Split(Regex(WORDS), "isolated")
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = split
    spoken = list(texts)
    room = settings.vocabulary - 258
    alphabet = _commonest(spoken, room)
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        # left to itself the trainer draws lots among characters of equal count
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator(spoken, trainer)
    vocabulary, merges = _with_bytes(learner)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(END, special=True), AddedToken(PAD, special=True)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, bos_token=END, pad_token=PAD)


def _commonest(texts: Iterable[str], room: int) -> list[str]:
    """The characters that become tokens: by count, ties by code point; the rest is spelled in bytes."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    return sorted(counts, key=lambda character: (-counts[character], character))[:room]


def _with_bytes(learner: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """END, PAD and the 256 byte tokens first, then what was learned, in its own order.

    A text that spells one of those names often enough teaches it as a word: such words are left out.
    """
    import json

    learned = json.loads(learner.to_str())["model"]
    names = [END, PAD, *(f"<0x{byte:02X}>" for byte in range(256))]
    reserved = set(names)
    words = [token for token, _ in sorted(learned["vocab"].items(), key=lambda item: item[1])]
    names += [word for word in words if word not in reserved]
    merges = [
        (left, right) for left, right in learned["merges"] if reserved.isdisjoint((left, right, left + right))
    ]
    return {name: index for index, name in enumerate(names)}, merges
