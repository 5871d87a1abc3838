"""Tiny models of three families, each beside an untouched twin that transformers itself runs."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings

VOCABULARY, END = 97, 0


class Pair(NamedTuple):
    """A RoleModel and the stock model of the same weights."""

    model: RoleModel
    stock: Any


def _network(family: str) -> Any:
    torch.manual_seed(3)
    ends = dict.fromkeys(("eos_token_id", "pad_token_id"), END)
    common: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": None, **ends}
    if family == "neox":
        return GPTNeoXForCausalLM(
            GPTNeoXConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                max_position_embeddings=128,
                **common,
            )
        )
    if family == "gpt2":
        return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=128, **common))
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=64,
            max_position_embeddings=128,
            **common,
        )
    )


def make_pair(family: str, roles: tuple[str, ...] = ()) -> Pair:
    """Every weight drawn, and wide, so that no greedy choice is a tie; adapters that all differ."""
    stock = _network(family).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in stock.named_parameters():
            middle = 1.0 if weight.dim() == 1 and name.endswith("weight") else 0.0  # of normalisation
            weight.copy_(middle + torch.randn(weight.shape, generator=generator) * 0.25)
    model = RoleModel(copy.deepcopy(stock))
    for seed, role in enumerate(roles):
        model.add_role(role, LoraSettings(rank=4, alpha=8), trainable=False, seed=seed)
        with torch.no_grad():
            for layer in model.role_layers().values():
                layer.B[role].normal_(0, 0.1, generator=generator)
    return Pair(model, stock)
