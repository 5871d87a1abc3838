"""A merged model as one GGUF file, in llama.cpp's names and order of numbers: GPT-NeoX, GPT-2 and Llama.

Written through the `gguf` package (extra `gguf`) and read back. Sources: llama.cpp `conversion/gpt_neox.py`,
`gpt2.py`, `llama.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from dajeong.errors import EnvironmentProblem
from dajeong.export.gguf_vocabulary import Vocabulary, check_same, vocabulary_of
from dajeong.models.load import ChatModel
from dajeong.models.tokenize import end_id

FILE = "model.gguf"
TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}
"""What matrices may be stored as; vectors are always float32."""


class Family(NamedTuple):
    """How llama.cpp calls an architecture, what it wants to know of it, and how it holds its weights."""

    architecture: str
    describe: Callable[[Any, Any], None]
    """(writer, configuration)"""
    turned: Callable[[str, Tensor, Any], Tensor]
    """(name in transformers, weight, configuration) → the weight as llama.cpp multiplies by it."""


def package() -> Any:
    """The `gguf` package. Raises EnvironmentProblem where it is not installed."""
    try:
        import gguf
    except ImportError as problem:
        raise EnvironmentProblem("extra-missing", needed_for="gguf", extra="gguf") from problem
    return gguf


def write_gguf(chat: ChatModel, network: Any, template: str, folder: Path, dtype: str) -> int:
    """Write FILE into `folder`; returns on how many lines its tokenizer was seen to give the same ids.

    `network` is `chat`'s, merged; `template` its Jinja. Raises EnvironmentProblem for what GGUF cannot hold.
    """
    gguf = package()
    config = network.config.get_text_config()
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise EnvironmentProblem("gguf-family", family=config.model_type, known=", ".join(FAMILIES))
    rows = int(network.get_input_embeddings().weight.shape[0])
    vocabulary = vocabulary_of(chat.tokenizer, rows)
    compared = check_same(chat.tokenizer, vocabulary, chat.name)
    writer = gguf.GGUFWriter(folder / FILE, family.architecture)
    writer.add_name(chat.name)
    writer.add_file_type(getattr(gguf.LlamaFileType, f"MOSTLY_{TYPES[dtype]}", gguf.LlamaFileType.ALL_F32))
    _shape(writer, config)
    family.describe(writer, config)
    _write_vocabulary(writer, chat, vocabulary, template)
    for name, tensor in tensors(network, family, gguf):
        _add(writer, gguf, name, tensor, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    _check_read_back(gguf, folder / FILE, vocabulary)
    return compared


def _shape(writer: Any, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)


def _describe_neox(writer: Any, config: Any) -> None:
    rope = _plain_rope(config)
    head = config.hidden_size // config.num_attention_heads
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_rope_dimension_count(int(head * rope.get("partial_rotary_factor", 1.0)))
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    writer.add_parallel_residual(config.use_parallel_residual)
    writer.add_layer_norm_eps(config.layer_norm_eps)


def _describe_gpt2(writer: Any, config: Any) -> None:
    writer.add_feed_forward_length(config.n_inner or 4 * config.hidden_size)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)


def _describe_llama(writer: Any, config: Any) -> None:
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim or config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(float(_plain_rope(config)["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _plain_rope(config: Any) -> Mapping[str, Any]:
    rope: Mapping[str, Any] = config.rope_parameters
    if rope.get("rope_type", "default") != "default":
        raise EnvironmentProblem("gguf-rope", rope=rope["rope_type"])
    return rope


def _turned_neox(name: str, tensor: Tensor, config: Any) -> Tensor:
    """Query, key and value lie head by head in transformers, one after the other in llama.cpp."""
    if ".query_key_value." not in name:
        return tensor
    heads = config.num_attention_heads
    by_head = tensor.reshape(heads, 3, tensor.shape[0] // (3 * heads), *tensor.shape[1:])
    return by_head.transpose(0, 1).reshape(tensor.shape)


def _turned_gpt2(name: str, tensor: Tensor, config: Any) -> Tensor:
    """transformers' Conv1D holds (in, out)."""
    return tensor.T if tensor.dim() == 2 and (".attn.c_" in name or ".mlp.c_" in name) else tensor


def _turned_llama(name: str, tensor: Tensor, config: Any) -> Tensor:
    """The halves of a head that rotate together lie side by side in llama.cpp."""
    for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
        if f".{part}." in name:
            halves = tensor.reshape(heads, 2, tensor.shape[0] // (2 * heads), *tensor.shape[1:])
            return halves.transpose(1, 2).reshape(tensor.shape)
    return tensor


FAMILIES = {
    "gpt_neox": Family("gptneox", _describe_neox, _turned_neox),
    "gpt2": Family("gpt2", _describe_gpt2, _turned_gpt2),
    "llama": Family("llama", _describe_llama, _turned_llama),
}
"""`model_type` in transformers → its family."""


def tensors(network: Any, family: Family, gguf: Any) -> Iterator[tuple[str, Tensor]]:
    """llama.cpp's name → weight in float32; a head tied to the embedding is left out."""
    config = network.config.get_text_config()
    number = next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == family.architecture)
    names = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    head = network.get_output_embeddings().weight
    tied = head is network.get_input_embeddings().weight
    for name, tensor in network.named_parameters():
        if tied and tensor is head and "embed" not in name and "wte" not in name:
            continue
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise EnvironmentProblem("gguf-tensor", name=name)
        yield found, family.turned(name, tensor.detach().float().cpu(), config).contiguous()


def _add(writer: Any, gguf: Any, name: str, tensor: Tensor, dtype: str) -> None:
    wanted = gguf.GGMLQuantizationType[TYPES[dtype] if tensor.dim() > 1 else "F32"]
    data = tensor.numpy()
    if wanted.name == "Q8_0" and data.shape[-1] % 32:
        wanted = gguf.GGMLQuantizationType.F16  # blocks of 32 do not fit
    if wanted.name == "F16":
        data = data.astype(np.float16)
    elif wanted.name != "F32":
        data = gguf.quants.quantize(data, wanted)
    writer.add_tensor(name, data, raw_dtype=wanted)


def _write_vocabulary(writer: Any, chat: ChatModel, found: Vocabulary, template: str) -> None:
    tokenizer = chat.tokenizer
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(found.pre)
    writer.add_token_list(found.tokens)
    writer.add_token_types(found.types)
    writer.add_token_merges(found.merges)
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_eot_token_id(end_id(chat.template, tokenizer))
    writer.add_pad_token_id(tokenizer.pad_id)
    if tokenizer.huggingface.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.huggingface.bos_token_id)
    writer.add_add_bos_token(tokenizer.bos_id is not None)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(template)


def _check_read_back(gguf: Any, path: Path, vocabulary: Vocabulary) -> None:
    if vocabulary_in(gguf.GGUFReader(path)) != vocabulary:
        raise EnvironmentProblem("gguf-read-back", path=path)


def vocabulary_in(reader: Any) -> Vocabulary:
    """The tokenizer that a file holds; `reader` is a `gguf.GGUFReader`."""
    fields = {name: reader.fields[f"tokenizer.ggml.{name}"].contents() for name in _HELD}
    return Vocabulary(fields["pre"], *(list(fields[name]) for name in _HELD[1:]))


_HELD = ("pre", "tokens", "token_type", "merges")
