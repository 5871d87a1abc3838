"""Shapes of bases without weights, against the figures that were counted of Polyglot-Ko."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dajeong.errors import EnvironmentProblem
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.planning.shapes import config_of, shape_of, tiny_config

QKV = ("query_key_value",)
POLYGLOT = {
    # parameters, in matrices (10⁹), head (10⁶), GB in bfloat16, GB in NF4, bytes a cached token,
    # adapter of rank 8 on query, key and value (10⁶), of rank 16 on all four (10⁶)
    "1.3b": (1_331_810_304, 1.208, 61.6, 2.66, 0.87, 196_608, 1.57, 12.6),
    "3.8b": (3_809_974_272, 3.624, 92.4, 7.62, 2.24, 393_216, 3.15, 25.2),
    "5.8b": (5_885_059_072, 5.637, 123.2, 11.77, 3.40, 458_752, 3.67, 29.4),
    "12.8b": (12_893_603_840, 12.583, 154.0, 25.79, 7.11, 819_200, 6.55, 52.4),
}


@pytest.mark.parametrize("size", POLYGLOT)
def test_polyglot_is_counted_exactly(size: str) -> None:
    parameters, in_matrices, head, half, nf4, cached, narrow, wide = POLYGLOT[size]
    shape = shape_of(config_of(f"EleutherAI/polyglot-ko-{size}"))
    assert shape.parameters == parameters and shape.cached_token(2) == cached
    assert shape.in_matrices / 1e9 == pytest.approx(in_matrices, abs=5e-4)
    assert shape.head / 1e6 == pytest.approx(head, abs=0.05)
    assert shape.weights(2) / 1e9 == pytest.approx(half, abs=5e-3)
    assert shape.weights(2, "4bit", double=True) / 1e9 == pytest.approx(nf4, abs=6e-3)
    lora = LoraSettings(rank=8, targets=QKV)
    assert shape.adapter(lora) / 1e6 == pytest.approx(narrow, abs=5e-3)
    assert shape.adapter(LoraSettings(rank=16)) / 1e6 == pytest.approx(wide, abs=0.05)


def test_how_much_of_a_head_turns_is_said() -> None:
    turning = {
        size: config_of(f"EleutherAI/polyglot-ko-{size}").rope_parameters["partial_rotary_factor"]
        for size in POLYGLOT
    }
    assert turning == {"1.3b": 0.5, "3.8b": 0.5, "5.8b": 0.25, "12.8b": 0.5}


def test_kullm_is_shaped_as_its_base() -> None:
    kullm, koalpaca = (
        shape_of(config_of(name))
        for name in ("nlpai-lab/kullm-polyglot-12.8b-v2", "beomi/KoAlpaca-Polyglot-12.8B")
    )
    assert kullm.parameters == POLYGLOT["12.8b"][0]
    assert kullm.parameters - koalpaca.parameters == 2 * 77 * 5120  # rows of embedding and head


def test_four_bits_of_ours_keep_a_float_for_every_block() -> None:
    shape = shape_of(config_of("EleutherAI/polyglot-ko-12.8b"))
    assert shape.weights(2, "4bit") - shape.weights(2, "4bit", double=True) == pytest.approx(
        shape.in_matrices * (4 / 64 - 1 / 64 - 4 / 64 / 256), rel=1e-6
    )
    assert shape.weights(2, "8bit") == shape.weights(2) - shape.in_matrices


def test_grouped_heads_are_cached_once(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 128,
        "vocab_size": 320,
        "tie_word_embeddings": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shape = shape_of(config_of(str(tmp_path)))
    assert shape.cached_token(2) == 2 * 3 * 2 * 16 * 2 and shape.attention == 8 * 16
    embedding, norms = 320 * 64, 7 * 64
    layer = 64 * 128 + 2 * 64 * 32 + 128 * 64 + 3 * 64 * 128
    assert shape.parameters == embedding + 3 * layer + norms and shape.in_matrices == 3 * layer


def test_the_tiny_model_is_the_one_that_is_trained() -> None:
    shape = shape_of(tiny_config(TinySettings(layers=2, hidden=32, heads=2, vocabulary=320, positions=128)))
    assert (shape.layers, shape.hidden, shape.vocabulary) == (2, 32, 320)
    assert shape.in_matrices == 2 * 12 * 32 * 32


def test_a_base_nobody_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        config_of(str(tmp_path / "nowhere"))
    assert caught.value.code == "plan-base-unknown"
