"""What of a base is known without its weights: its configuration, its tokenizer, the names of its layers.

Everything that can be refused for these reasons is refused here, before minutes go into loading and training.
Knows no weight and no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.models.lora import chosen_layers, linear_layers
from dajeong.models.settings import LoraSettings
from dajeong.models.tokenize import TextTokenizer, end_id
from dajeong.templates import Template


@dataclass(frozen=True)
class Needs:
    """What a step will ask of the base it loads; what is left out is not checked."""

    max_tokens: int | None = None
    """Longest sequence."""
    lora: LoraSettings | None = None
    """An adapter whose targets must exist."""
    template: Template | None = None
    """What closes its turns must be one token of the vocabulary."""


def refuse_misfit(reference: str, config: Any, tokenizer: TextTokenizer, needs: Needs) -> None:
    """Raises UsageProblem or EnvironmentProblem where the base cannot do what the step needs."""
    _refuse_foreign_tokenizer(reference, config, tokenizer)
    if needs.max_tokens is not None:
        _refuse_length(reference, config, needs.max_tokens)
    if needs.template is not None:
        end_id(needs.template, tokenizer)
    if needs.lora is not None:
        _refuse_targets(config, needs.lora)


def positions_of(config: Any) -> int | None:
    """The longest sequence that a model can place; None where it does not say."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None


def _refuse_length(reference: str, config: Any, max_tokens: int) -> None:
    positions = positions_of(config)
    if positions is not None and max_tokens > positions:
        raise UsageProblem("max-tokens-above", model=reference, max_tokens=max_tokens, positions=positions)


def _refuse_foreign_tokenizer(reference: str, config: Any, tokenizer: TextTokenizer) -> None:
    """An id without a row in the embedding ends a run in its middle. Spare rows are welcome."""
    rows = int(config.get_text_config().vocab_size)
    if tokenizer.vocab_size > rows:
        raise EnvironmentProblem("vocabulary-above", model=reference, tokens=tokenizer.vocab_size, rows=rows)


def _refuse_targets(config: Any, lora: LoraSettings) -> None:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):  # names and shapes, no memory
        network: Any = AutoModelForCausalLM.from_config(config)
    prefix = str(network.base_model_prefix)
    chosen_layers(linear_layers(network.get_submodule(prefix), prefix), lora.targets)
