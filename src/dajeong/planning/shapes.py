"""The shape of a base by its configuration: parameters, matrices, bytes of a cached token. No weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.errors import EnvironmentProblem
from dajeong.models.lora import chosen_layers, linear_layers, sizes
from dajeong.models.runtime import quiet_transformers
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.planning.known_bases import KNOWN, Neox

NF4, ABSMAX, BLOCK = 0.5, 4, 64
"""Bytes of a parameter in four bits, of the float beside every block of them, and parameters of a block."""
DOUBLE = 1 / 64 + 4 / (64 * 256)
"""Bytes a parameter where those floats are held in eight bits, with a float for every 256 of them."""


class Shape(NamedTuple):
    config: Any
    layers: int
    hidden: int
    vocabulary: int
    parameters: int
    matrices: Mapping[str, tuple[int, int]]
    """Path of every linear layer of the trunk → (in, out)."""
    head: int
    """Parameters of the output head."""
    key_values: int
    """Numbers that decoding keeps of a token."""
    attention: int
    """Heads × their width, of one layer."""

    @property
    def in_matrices(self) -> int:
        return sum(rows * columns for rows, columns in self.matrices.values())

    def adapter(self, lora: LoraSettings) -> int:
        """Parameters of an adapter. Raises UsageProblem for a target that is not there."""
        chosen = chosen_layers(self.matrices, lora.targets)
        return lora.rank * sum(sum(self.matrices[path]) for path in chosen)

    def cached_token(self, width: int) -> int:
        """Bytes that decoding keeps of a token, in numbers of `width` bytes."""
        return self.key_values * width

    def weights(self, width: int, quantised: str | None = None, *, double: bool = False) -> int:
        """Bytes of the weights; only the trunk's matrices are held in 4 or 8 bits."""
        if quantised is None:
            return self.parameters * width
        small = 1.0 if quantised == "8bit" else NF4 + (DOUBLE if double else ABSMAX / BLOCK)
        return round(self.in_matrices * small) + (self.parameters - self.in_matrices) * width


def shape_of(config: Any) -> Shape:
    """Built without memory and counted."""
    import torch
    from transformers import AutoModelForCausalLM

    quiet_transformers()
    with torch.device("meta"):
        network: Any = AutoModelForCausalLM.from_config(config)
    prefix = str(network.base_model_prefix)
    layers = linear_layers(network.get_submodule(prefix), prefix)
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    width = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    cached = int(getattr(text, "num_key_value_heads", None) or heads)
    return Shape(
        config,
        int(text.num_hidden_layers),
        int(text.hidden_size),
        int(text.vocab_size),
        sum(parameter.numel() for parameter in network.parameters()),
        {path: sizes(layer) for path, layer in layers.items()},
        network.get_output_embeddings().weight.numel(),
        2 * int(text.num_hidden_layers) * cached * width,
        heads * width,
    )


def config_of(reference: str, revision: str | None = None) -> Any:
    """Of a base that is known, in a folder, or on the Hub. Raises EnvironmentProblem where it is none."""
    from transformers import AutoConfig

    if reference in KNOWN and not Path(reference).is_dir():
        return _neox(KNOWN[reference])
    try:
        return AutoConfig.from_pretrained(reference, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem("plan-base-unknown", model=reference) from problem


def tiny_config(settings: TinySettings) -> Any:
    """Of the tiny model, its vocabulary as large as it may become."""
    return _neox(
        Neox(settings.layers, settings.hidden, settings.heads, 0.25, settings.vocabulary), settings.positions
    )


def _neox(shape: Neox, positions: int = 2048) -> Any:
    from transformers import GPTNeoXConfig

    turning = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": shape.rotary}
    return GPTNeoXConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=positions,
        rope_parameters=turning,
        tie_word_embeddings=False,
        attention_dropout=0.0,
        hidden_dropout=0.0,
    )
