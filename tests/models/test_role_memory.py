"""The memory of one more role is its adapter and nothing else: counted over all tensors that are alive."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from families import FAMILIES, add_drawn

from dajeong.models.adapters import load_role, save_role
from dajeong.models.base import load_base
from dajeong.models.settings import LoraSettings, RuntimeSettings
from dajeong.templates import TEMPLATES

CPU = RuntimeSettings(device="cpu")
RANK = 3


def alive() -> int:
    """Bytes of every storage that some tensor still holds."""
    gc.collect()
    found = (each for each in gc.get_objects() if issubclass(type(each), torch.Tensor))
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in found}
    return sum(storages.values())


def grown(work: Callable[[], object]) -> int:
    before = alive()
    work()
    return alive() - before


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_role_costs_its_adapter(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    """Seen to fail with a `RoleLinear` that kept a copy of the base's weight for each role."""
    base = load_base(str(folders[family]), CPU)
    add_drawn(base.model, "sft", 1, rank=RANK)
    save_role(base, "sft", tmp_path / "sft", TEMPLATES["koalpaca"])
    sizes = [layer.in_features + layer.out_features for layer in base.model.role_layers().values()]
    adapter = 4 * RANK * sum(sizes)
    lora = LoraSettings(rank=RANK, alpha=1.0)
    assert grown(lambda: base.model.add_role("policy", lora, trainable=True, copy_of="sft")) == adapter
    assert grown(lambda: load_role(base.model, "reference", tmp_path / "sft")) == adapter
    assert grown(lambda: base.model.add_head("policy", trainable=True)) == 4 * base.model.config.hidden_size
    whole = sum(weight.nbytes for weight in base.model.base.parameters())
    assert adapter < whole / 2


def test_every_role_reads_the_same_weights(folders: dict[str, Path]) -> None:
    base = load_base(str(folders["neox"]), CPU)
    for seed, role in enumerate(("sft", "policy", "reward", "value")):
        add_drawn(base.model, role, seed, rank=RANK)
    for layer in base.model.role_layers().values():
        weights = [name for name, _ in layer.base.named_parameters()]
        assert weights == ["weight", "bias"] and set(layer.A) == {"sft", "policy", "reward", "value"}
