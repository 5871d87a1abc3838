"""Tiny model folders of several architectures over one tokenizer, and what their tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from dajeong.models.layout import Layout
from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import tiny_tokenizer

FAMILIES = ("neox", "gpt2", "llama", "qwen2")
TINY = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=128)
CORPUS = ["점심은 김치찌개가 좋겠어요.", "비가 오는 날에는 우산을 챙기세요.", "Good morning, 안녕하세요?"] * 3
WIDTH, HEADS, POSITIONS = 32, 4, 128


def network(family: str, vocabulary: int, end: int, pad: int) -> Any:
    """Two layers whose every weight is drawn, wide enough that a wrong one shows."""
    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "bos_token_id": None,
        "eos_token_id": end,
        "pad_token_id": pad,
    }
    shape: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "intermediate_size": 48,
        "max_position_embeddings": POSITIONS,
    }
    made: Any
    if family == "neox":
        made = GPTNeoXForCausalLM(GPTNeoXConfig(**shape, **common))
    elif family == "gpt2":
        made = GPT2LMHeadModel(
            GPT2Config(n_embd=WIDTH, n_layer=2, n_head=HEADS, n_positions=POSITIONS, **common)
        )
    elif family == "llama":
        made = LlamaForCausalLM(LlamaConfig(num_key_value_heads=2, **shape, **common))
    else:
        made = Qwen2ForCausalLM(Qwen2Config(num_key_value_heads=1, **shape, **common))
    return drawn(made.eval())


def drawn(made: Any, seed: int = 5) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            middle = 1.0 if weight.dim() == 1 and name.endswith("weight") else 0.0  # of normalisation
            weight.copy_(middle + torch.randn(weight.shape, generator=generator) * 0.15)
    return made


def write_family(folder: Path, family: str) -> None:
    """An ordinary Hugging Face folder."""
    tokenizer = tiny_tokenizer(CORPUS, TINY)
    network(family, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def bare_model(family: str = "neox", vocabulary: int = 61) -> RoleModel:
    return RoleModel(network(family, vocabulary, 0, 1))


def add_drawn(
    model: RoleModel, role: str, seed: int, *, trainable: bool = False, head: bool = False, **settings: Any
) -> None:
    """A role that does something: B is drawn too."""
    lora = LoraSettings(**{"rank": 3, "alpha": 7.0, **settings})
    model.add_role(role, lora, trainable=trainable, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    with torch.no_grad():
        for layer in model.role_layers().values():
            if role in layer.B:
                layer.B[role].normal_(0, 0.2, generator=generator)
    if head:
        model.add_head(role, trainable=trainable, seed=seed)


def some_ids(length: int, seed: int = 0, vocabulary: int = 61) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, vocabulary, (length,), generator=generator).tolist()


def logits_of(model: RoleModel, ids: Sequence[int], role: str | None) -> torch.Tensor:
    """(L, V) of one sequence, one role."""
    tokens = torch.tensor([list(ids)])
    with torch.no_grad():
        return model.logits(model.hidden(tokens, torch.arange(len(ids))[None], Layout.all(role)))[0]


@contextlib.contextmanager
def eager(model: RoleModel) -> Iterator[None]:
    """Inside, attention is transformers' own eager one, so that sums run in the same order as there."""
    ours = model.config._attn_implementation
    model.config._attn_implementation = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation = ours


@contextlib.contextmanager
def doubles() -> Iterator[None]:
    """Inside, what is said to be float32 stays float64, so that only the mathematics can differ."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        yield
