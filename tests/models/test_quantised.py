"""A base in 8 and 4 bits: near the whole one, smaller, frozen; its adapters are those of PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from families import add_drawn, logits_of, some_ids
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GPTNeoXConfig, GPTNeoXForCausalLM

from dajeong.models.adapters import load_role, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.layout import Sequence_, pack
from dajeong.models.settings import RuntimeSettings, TinySettings
from dajeong.models.tiny import tiny_tokenizer
from dajeong.templates import TEMPLATES

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
"""PEFT's, of transformers, where it reads an adapter onto such a base."""

Bits = Literal["8bit", "4bit"]
BITS: tuple[Bits, ...] = ("8bit", "4bit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough for blocks of 64 weights."""
    place = tmp_path_factory.mktemp("quantised")
    tokenizer = tiny_tokenizer(["점심은 국수가 좋겠어요."] * 3, TinySettings(vocabulary=320))
    torch.manual_seed(3)
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=128,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,
    )
    GPTNeoXForCausalLM(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def loaded(folder: Path, bits: Bits | None, checkpointing: bool = False) -> Base:
    runtime = RuntimeSettings(device="cpu", dtype="float32", quantised=bits, checkpointing=checkpointing)
    return load_base(str(folder), runtime)


def gradients(base: Base) -> dict[str, torch.Tensor]:
    lengths = (12, 7, 7)
    batch = pack([Sequence_(some_ids(n, i), "policy", [True] * n) for i, n in enumerate(lengths)])
    (-base.model(batch).logprobs.mean()).backward()
    owned = base.model.parameters_of("policy").items()
    return {name: weight.grad for name, weight in owned if weight.grad is not None}


@pytest.mark.parametrize("bits", BITS)
def test_it_learns_as_the_whole_base_does(folder: Path, bits: Bits) -> None:
    """Gradients of every adapter point the same way; the base itself never moves and never asks to."""
    found = []
    for each in (bits, None):
        base = loaded(folder, each)
        assert not any(weight.requires_grad for weight in base.model.base.parameters())
        add_drawn(base.model, "policy", 1, trainable=True)
        found.append(gradients(base))
    assert found[0].keys() == found[1].keys() and len(found[0]) == 16
    for name, gradient in found[1].items():
        cosine = torch.nn.functional.cosine_similarity(found[0][name].flatten(), gradient.flatten(), dim=0)
        assert float(cosine) > 0.9 and found[0][name].dtype == torch.float32, name


@pytest.mark.parametrize("bits", BITS)
def test_it_is_smaller_and_near(folder: Path, bits: Bits) -> None:
    small, whole = loaded(folder, bits), loaded(folder, None)
    layers = [dict(base.model.trunk.named_modules())["layers.0.mlp.dense_h_to_4h"] for base in (small, whole)]
    sizes = [layer.get_parameter("weight").nbytes for layer in layers]
    assert sizes[1] == sizes[0] * {"8bit": 4, "4bit": 8}[bits]
    ids = some_ids(20, 5)
    one, other = (logits_of(base.model, ids, None).flatten() for base in (small, whole))
    assert float(torch.nn.functional.cosine_similarity(one, other, dim=0)) > 0.97
    assert not torch.equal(one, other)


@pytest.mark.parametrize("bits", BITS)
def test_an_adapter_on_it_is_the_one_that_peft_reads(folder: Path, bits: Bits, tmp_path: Path) -> None:
    base = loaded(folder, bits)
    add_drawn(base.model, "policy", 1)
    save_role(base, "policy", tmp_path / "policy", TEMPLATES["koalpaca"])
    again = loaded(folder, bits)
    load_role(again.model, "other", tmp_path / "policy")
    ids = some_ids(20, 5)
    ours = logits_of(base.model, ids, "policy")
    assert torch.equal(ours, logits_of(again.model, ids, "other"))
    asked: Any = (
        BitsAndBytesConfig(load_in_8bit=True)
        if bits == "8bit"
        else BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32
        )
    )
    stock = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=asked, device_map={"": "cpu"}, dtype=torch.float32
    )
    theirs = PeftModel.from_pretrained(stock, tmp_path / "policy").eval()
    with torch.no_grad():
        found = theirs(input_ids=torch.tensor([ids])).logits[0]
    assert float((ours - found).abs().max()) <= 1e-4 * float(found.abs().max())


def test_checkpointing_works_on_it(folder: Path) -> None:
    found = []
    for on in (True, False):
        base = loaded(folder, "4bit", checkpointing=on)
        add_drawn(base.model, "policy", 1, trainable=True)
        found.append(gradients(base))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[1])
