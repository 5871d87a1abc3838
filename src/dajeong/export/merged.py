"""A model with its adapter added in: an ordinary Hugging Face folder, and how far its logits moved by that.

The sum is made in float32, layer by layer; the vocabulary keeps its rows. What was written is read back by
plain transformers and asked the same questions as the model it came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from dajeong.errors import EnvironmentProblem
from dajeong.export.chat_template import jinja_for
from dajeong.models.adapters import NOTES, TEMPLATE, AdapterNotes
from dajeong.models.layout import Layout
from dajeong.models.load import ChatModel
from dajeong.models.lora import RoleLinear
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Message
from dajeong.storage import write_json, write_text
from dajeong.templates import template_json

PROBES = ("안녕하세요?", "오늘 점심으로 뭘 먹으면 좋을까요?", "비 오는 날에 할 만한 일을 알려 주세요.")
MAX_PROBE_TOKENS = 64
LARGEST_GAP = 1e-2
"""Of logits, where nothing was rounded: above it, what was written is another model."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Gap(NamedTuple):
    """How the written model differs from base and adapter, over the tokens of the probes."""

    logits: float
    """Largest difference."""
    same: float
    """Share of tokens after which the likeliest next one is the same."""
    tokens: int


def write_merged(chat: ChatModel, folder: Path, dtype: str, shard_size: str) -> Gap:
    """Write `chat` as one model; it is merged in place and of no use afterwards.

    Raises EnvironmentProblem where the written model is not the one that was asked for.
    """
    probes = [ids[:MAX_PROBE_TOKENS] for ids in map(lambda text: _asked(chat, text), PROBES)]
    before = [_our_logits(chat, ids) for ids in probes]
    network: Any = merged(chat)
    rows = network.get_input_embeddings().weight.shape[0]
    network.to(DTYPES[dtype])
    network.generation_config.eos_token_id = sorted(stop_ids(chat.template, chat.tokenizer))
    network.generation_config.pad_token_id = chat.tokenizer.pad_id
    network.save_pretrained(folder, max_shard_size=shard_size)
    write_text_side(chat, folder)
    return _proved(folder, probes, before, rows, exact=dtype == "float32")


def write_text_side(chat: ChatModel, folder: Path) -> None:
    """Tokenizer, templates for others and for us, and the role."""
    chat.tokenizer.huggingface.chat_template = jinja_for(chat.template, chat.tokenizer)
    chat.tokenizer.save(folder)
    write_text(folder / TEMPLATE, template_json(chat.template))
    write_json(folder / NOTES, AdapterNotes(role=chat.role or "base").model_dump())


def merged(chat: ChatModel) -> torch.nn.Module:
    """The network of `chat`, its adapter added to its weights in float32 and taken off."""
    network = chat.model.base
    for name, layer in chat.model.role_layers().items():
        if chat.role is not None and chat.role in layer.A:
            _add(layer, chat.role)
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, layer.base)
    return network


def _add(layer: RoleLinear, role: str) -> None:
    weight: Any = layer.base.weight
    with torch.no_grad():
        moved = layer.scale[role] * (layer.B[role].float() @ layer.A[role].float())
        moved = moved.T if isinstance(layer.base, Conv1D) else moved
        weight.copy_((weight.float() + moved).to(weight.dtype))


def _asked(chat: ChatModel, text: str) -> list[int]:
    return prompt_ids([Message(role="user", content=text)], chat.template, chat.tokenizer)


def _our_logits(chat: ChatModel, ids: list[int]) -> Tensor:
    """(tokens, V)"""
    tokens = torch.tensor([ids], device=chat.model.device)
    positions = torch.arange(len(ids), device=chat.model.device)[None]
    with torch.no_grad():
        return chat.model.logits(chat.model.hidden(tokens, positions, Layout.all(chat.role)))[0]


def _proved(folder: Path, probes: list[list[int]], before: list[Tensor], rows: int, *, exact: bool) -> Gap:
    """The folder, read by plain transformers, against the logits `before`."""
    from transformers import AutoModelForCausalLM

    stock: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    found = int(stock.get_input_embeddings().weight.shape[0])
    if found != rows or found != stock.config.get_text_config().vocab_size:
        raise EnvironmentProblem("export-vocabulary", path=folder, rows=rows, found=found)
    with torch.no_grad():
        after = [stock(input_ids=torch.tensor([ids])).logits[0].float() for ids in probes]
    pairs = list(zip(before, after, strict=True))
    gap = max(float((ours - theirs).abs().max()) for ours, theirs in pairs)
    same = [bool(each) for ours, theirs in pairs for each in ours.argmax(-1) == theirs.argmax(-1)]
    if exact and not gap <= LARGEST_GAP:
        raise EnvironmentProblem("export-gap", path=folder, gap=f"{gap:.3g}", largest=LARGEST_GAP)
    return Gap(gap, sum(same) / len(same), len(same))
