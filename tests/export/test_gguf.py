"""A GGUF file holds the merged weights, its tokenizer gives our ids, and llama.cpp answers as we do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from families import write_family
from llama_cpp import llama_cpp
from safetensors.torch import load_file
from small_export import GREEDY, QUESTIONS, handed, make_run, our_answers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from dajeong.data.settings import SmalltalkSettings
from dajeong.data.smalltalk import World
from dajeong.errors import EnvironmentProblem
from dajeong.export.gguf import FILE, vocabulary_in
from dajeong.export.gguf_vocabulary import (
    GPT_2,
    LINES,
    PROBES,
    SPLITS,
    check_same,
    rebuilt,
    vocabulary_of,
)
from dajeong.models.load import load_chat
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Message
from shared_data import SHARED

NUM_LINES = 10_000
POSITIONS = 128


@pytest.fixture(scope="session")
def lines() -> list[str]:
    """Lines of the small-talk world, and of real Korean where it is to be had."""
    world = World(SmalltalkSettings(num_texts=NUM_LINES))
    said = [line for text in world.texts() for line in text.messages[0].content.split("\n")]
    real = [line for text in _real_texts() for line in text.split("\n") if line.strip()]
    return (real[: NUM_LINES // 2] + said)[:NUM_LINES]


def _real_texts() -> Iterator[str]:
    for path in sorted(SHARED.glob("koalpaca/*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            yield from (value for value in row.values() if isinstance(value, str))


@pytest.fixture(scope="session")
def character_level(lines: list[str]) -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer(lines[::4], TinySettings(vocabulary=2400)))


@pytest.fixture(scope="session")
def byte_level(lines: list[str]) -> TextTokenizer:
    """As Polyglot-Ko's: byte-level BPE, its end and two spare names among its tokens."""
    return TextTokenizer(bytewise(lines[::4], pre_tokenizers.ByteLevel(add_prefix_space=False)))


def bytewise(texts: list[str], split: Any) -> Any:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = split, decoders.ByteLevel()
    names = ["<|unused|>", "<|pad|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=1200, special_tokens=names, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=names[2], pad_token=names[1])


@pytest.fixture(scope="session")
def files(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Family → the GGUF export of a run of it; beside each lies `merged`."""
    root = tmp_path_factory.mktemp("gguf")
    for family in ("neox", "gpt2", "llama"):
        write_family(root / f"plain-{family}", family)
        make_run(root / family / "run", root / f"plain-{family}")
        handed(root / family / "run", root / family / "gguf", "gguf")
    return {family: root / family for family in ("neox", "gpt2", "llama")}


def held(folder: Path) -> dict[str, np.ndarray]:
    """Name in llama.cpp → numbers."""
    reader = gguf.GGUFReader(folder / "gguf" / FILE)
    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}


# --- weights


def test_every_weight_of_a_neox_is_there_and_equal(files: dict[str, Path], tmp_path: Path) -> None:
    handed(files["neox"] / "run", tmp_path / "merged", "merged")
    theirs, found = load_file(tmp_path / "merged" / "model.safetensors"), held(files["neox"])
    heads, width = 4, 32
    ours = {
        "token_embd.weight": "gpt_neox.embed_in.weight",
        "output.weight": "embed_out.weight" if "embed_out.weight" in theirs else "lm_head.weight",
        "output_norm.weight": "gpt_neox.final_layer_norm.weight",
        "output_norm.bias": "gpt_neox.final_layer_norm.bias",
    }
    parts = {
        "attn_norm": "input_layernorm",
        "attn_output": "attention.dense",
        "ffn_norm": "post_attention_layernorm",
        "ffn_up": "mlp.dense_h_to_4h",
        "ffn_down": "mlp.dense_4h_to_h",
        "attn_qkv": "attention.query_key_value",
    }
    for layer in range(2):
        for name, part in parts.items():
            for kind in ("weight", "bias"):
                ours[f"blk.{layer}.{name}.{kind}"] = f"gpt_neox.layers.{layer}.{part}.{kind}"
    assert found.keys() == ours.keys() and len(ours) == len(theirs)
    for name, original in ours.items():
        expected = theirs[original]
        if (
            ".attn_qkv." in name
        ):  # per head: query, key, value; in the file: all queries, all keys, all values
            queries = [expected[h * 24 + k * 8 : h * 24 + k * 8 + 8] for k in range(3) for h in range(heads)]
            expected = torch.cat(queries)
        assert np.array_equal(found[name], expected.numpy()), name
    assert found["token_embd.weight"].shape[1] == width


def test_a_merged_export_gives_the_same_file_of_weights(files: dict[str, Path], tmp_path: Path) -> None:
    handed(files["neox"] / "run", tmp_path / "merged", "merged")
    handed(tmp_path / "merged", tmp_path / "gguf", "gguf")
    again, first = held(tmp_path), held(files["neox"])
    assert again.keys() == first.keys() and all(np.array_equal(again[name], first[name]) for name in first)


@pytest.mark.parametrize(("dtype", "most"), [("float16", 1e-3), ("bfloat16", 5e-3), ("q8_0", 5e-3)])
def test_smaller_numbers_are_near(files: dict[str, Path], tmp_path: Path, dtype: str, most: float) -> None:
    handed(files["neox"] / "run", tmp_path / "gguf", "gguf", dtype=dtype)
    exact, found = held(files["neox"]), held(tmp_path)
    gaps = {name: float(np.abs(found[name] - exact[name]).max()) for name in exact}
    assert 0 < max(gaps.values()) < most
    assert all(gaps[name] == 0 for name in exact if exact[name].ndim == 1)


# --- the tokenizer, from the file alone


def from_file(tokenizer: TextTokenizer, path: Path) -> Tokenizer:
    """Written as an export writes it, and rebuilt from what was read."""
    rows = tokenizer.vocab_size + 13
    found = vocabulary_of(tokenizer, rows)
    writer = gguf.GGUFWriter(path, "gptneox")
    writer.add_tokenizer_pre(found.pre)
    writer.add_token_list(found.tokens)
    writer.add_token_types(found.types)
    writer.add_token_merges(found.merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    read = vocabulary_in(gguf.GGUFReader(path))
    assert read == found and len(read.tokens) == rows
    return rebuilt(read)


def test_byte_level_ids_are_the_same_on_every_line(
    byte_level: TextTokenizer, lines: list[str], tmp_path: Path
) -> None:
    theirs = from_file(byte_level, tmp_path / FILE)
    ours = byte_level.encode_many(lines)
    assert len(lines) == NUM_LINES and len({len(ids) for ids in ours}) > 20
    assert [each.ids for each in theirs.encode_batch(lines, add_special_tokens=False)] == ours


JOINED = re.compile(r"\s \S|▁")
"""Where llama.cpp joins a blank to the word behind it and the tiny tokenizer does not."""


def test_character_level_ids_are_the_same_on_every_line_but_behind_double_blanks(
    character_level: TextTokenizer, lines: list[str], tmp_path: Path
) -> None:
    theirs = from_file(character_level, tmp_path / FILE)
    ours = character_level.encode_many(lines)
    found = [each.ids for each in theirs.encode_batch(lines, add_special_tokens=False)]
    different = [line for line, mine, other in zip(lines, ours, found, strict=True) if mine != other]
    assert [line for line in different if not JOINED.search(line)] == []
    assert len(different) < NUM_LINES // 100


@pytest.mark.parametrize("pattern", [pattern for pattern in SPLITS if pattern != GPT_2])
def test_other_splits_that_llama_cpp_knows(lines: list[str], tmp_path: Path, pattern: str) -> None:
    split = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer = TextTokenizer(bytewise(lines[:500], split))
    theirs = from_file(tokenizer, tmp_path / FILE)
    assert [each.ids for each in theirs.encode_batch(lines[:500])] == tokenizer.encode_many(lines[:500])


def test_a_file_whose_tokens_are_in_another_order_is_found_out(byte_level: TextTokenizer) -> None:
    found = vocabulary_of(byte_level, byte_level.vocab_size)
    with pytest.raises(EnvironmentProblem, match="other tokens|다른 토큰"):
        check_same(byte_level, found._replace(merges=found.merges[::-1]), "swapped")
    assert check_same(byte_level, found, "right") == len(PROBES)


# --- the real llama.cpp


def test_llama_cpp_reads_text_as_we_do(
    byte_level: TextTokenizer, character_level: TextTokenizer, lines: list[str], tmp_path: Path
) -> None:
    for name, tokenizer in (("bytes", byte_level), ("characters", character_level)):
        write_family(tmp_path / name, "neox")
        _give(tmp_path / name, tokenizer)
        handed(make_run(tmp_path / f"{name}-run", tmp_path / name), tmp_path / f"{name}-out", "gguf")
        plain = [line for line in lines if name == "bytes" or not (JOINED.search(line) or line[:1].isspace())]
        with llama_cpp(tmp_path / f"{name}-out" / FILE, POSITIONS) as theirs:
            for start in range(0, len(plain), 50):
                page = "\n".join(plain[start : start + 50])
                assert theirs.ids(page) == tokenizer.encode(page)


def _give(folder: Path, tokenizer: TextTokenizer) -> None:
    """A network with as many rows as the tokenizer has tokens, and some to spare."""
    from families import network

    tokenizer.save(folder)
    network("neox", tokenizer.vocab_size + 21, tokenizer.eos_id, tokenizer.pad_id).save_pretrained(folder)


@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
def test_llama_cpp_answers_as_we_do(files: dict[str, Path], family: str) -> None:
    run = files[family] / "run"
    chat = load_chat(str(run))
    asked = [{"role": "user", "content": question} for question in QUESTIONS]
    stock = AutoTokenizer.from_pretrained(run / "models" / "policy")
    with llama_cpp(files[family] / "gguf" / FILE, POSITIONS) as theirs:
        for question, said in zip(asked, our_answers(run), strict=True):
            ids = stock.apply_chat_template([question], add_generation_prompt=True)["input_ids"]
            found, likely = theirs.greedy(ids, GREEDY.max_new_tokens)
            assert found == said
            ours = torch.log_softmax(_last_logits(chat, ids), -1)
            assert max(abs(float(ours[token]) - value) for token, value in likely.items()) < 5e-3
            assert theirs.prompt([question]) == "".join(
                segment.text for segment in chat.template.render([Message.model_validate(question)])
            )


def _last_logits(chat: Any, ids: list[int]) -> torch.Tensor:
    from families import logits_of

    return logits_of(chat.model, ids, chat.role)[-1]


# --- what is refused


def test_a_tokenizer_without_an_equal_is_refused(lines: list[str]) -> None:
    split = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel()])
    for tokenizer in (
        TextTokenizer(bytewise(lines[:50], split)),
        TextTokenizer(bytewise(lines[:50], pre_tokenizers.ByteLevel(add_prefix_space=True))),
    ):
        with pytest.raises(EnvironmentProblem, match=LINES):
            vocabulary_of(tokenizer, tokenizer.vocab_size)


def test_a_family_without_names_is_refused(tmp_path: Path) -> None:
    write_family(tmp_path / "qwen2", "qwen2")
    with pytest.raises(EnvironmentProblem, match="qwen2"):
        handed(make_run(tmp_path / "run", tmp_path / "qwen2"), tmp_path / "out", "gguf")
    assert not (tmp_path / "out").exists()


def test_positions_that_are_scaled_are_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "models" / "base", tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text(encoding="utf-8"))
    config["rope_parameters"] |= {"rope_type": "linear", "factor": 2.0}
    (tmp_path / "base" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="linear"):
        handed(tmp_path / "base", tmp_path / "out", "gguf")


def test_without_the_package_the_error_says_how_to_get_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(EnvironmentProblem, match=r"dajeong\[gguf\]"):
        handed(run, tmp_path / "out", "gguf")
