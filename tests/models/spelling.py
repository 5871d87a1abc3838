"""Tokenizers that know the control tokens of the chat templates; the catalogue of templates by name."""

from __future__ import annotations

import functools
from typing import Any

from families import CORPUS, TINY
from tokenizers.processors import TemplateProcessing

from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.templates import TEMPLATES, Template
from test_chat_templates import BOS, ENDS, EOS, chat

CONTROL = [BOS, EOS, "<|im_start|>", "<|start_header_id|>", "<|end_header_id|>", "<start_of_turn>"]
CATALOGUE: dict[str, Template] = {**TEMPLATES, **{name: chat(name) for name in ENDS}}


@functools.cache
def spelling(adds_bos: bool = False) -> TextTokenizer:
    """One tokenizer for every template, with `<bos>` and `</s>`; perhaps with a BOS before every text."""
    huggingface: Any = tiny_tokenizer(CORPUS, TINY)
    names = dict.fromkeys([*CONTROL, *ENDS.values()])
    huggingface.add_special_tokens({"extra_special_tokens": list(names)})
    huggingface.bos_token, huggingface.eos_token = BOS, EOS
    if adds_bos:
        huggingface.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{BOS} $A", special_tokens=[(BOS, huggingface.bos_token_id)]
        )
    return TextTokenizer(huggingface)
