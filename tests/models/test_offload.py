"""A base whose blocks are fetched for their forward answers and learns to the bit as one that lies there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from dajeong.errors import UsageProblem
from dajeong.models.base import Base, load_base
from dajeong.models.checkpointing import blocks_of
from dajeong.models.layout import Sequence_, pack
from dajeong.models.offload import Streamed
from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.models.tiny import write_tiny

NEAR = RuntimeSettings(device="cpu", dtype="float32", checkpointing=True)
FAR = NEAR.model_copy(update={"offload": "base"})
TINY = TinySettings(layers=2, hidden=32, heads=2, vocabulary=320, positions=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("offloaded") / "base"
    write_tiny(place, ["오늘 점심은 뭐가 좋을까요?"] * 4, TINY, seed=7)
    return place


def learned(base: Base) -> dict[str, Tensor]:
    """Log-probabilities and gradients of two roles in one forward."""
    model = base.model
    for seed, role in enumerate(("policy", "value")):
        model.add_role(role, LoraSettings(rank=2, alpha=4.0), trainable=True, seed=seed)
        for layer in model.role_layers().values():
            nn.init.normal_(layer.B[role], std=0.1, generator=torch.Generator().manual_seed(seed))
    ids = list(range(2, 18))
    outputs = model(pack([Sequence_(ids, role, [True] * 16) for role in ("policy", "value")]))
    outputs.logprobs.sum().backward()
    found = {"logprobs": outputs.logprobs.detach()}
    for role in ("policy", "value"):
        for name, weight in model.parameters_of(role).items():
            assert weight.grad is not None
            found[f"{role}/{name}"] = weight.grad
    return found


def test_it_learns_to_the_bit_as_one_that_lies_there(folder: Path) -> None:
    near, far = learned(load_base(str(folder), NEAR)), learned(load_base(str(folder), FAR))
    assert near.keys() == far.keys() and len(near) > 16
    assert all(torch.equal(near[name], far[name]) for name in near)


def test_a_block_works_with_copies_and_gets_its_weights_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base(str(folder), FAR)
    block = blocks_of(base.model.trunk)[0]
    resting = {name: id(weight) for name, weight in block.named_parameters()}
    seen: list[dict[str, int]] = []
    run = Streamed.__call__

    def watched(streamed: Streamed, *inputs: Any, **options: Any) -> Any:
        inner: Callable[..., Any] = streamed._forward

        def working(*given: Any, **named: Any) -> Any:
            seen.append({name: id(weight) for name, weight in block.named_parameters()})
            return inner(*given, **named)

        monkeypatch.setattr(streamed, "_forward", working)
        return run(streamed, *inputs, **options)

    monkeypatch.setattr(Streamed, "__call__", watched)
    base.model(pack([Sequence_(list(range(2, 10)), None, [True] * 8)]))
    assert len(seen) == 2 and not set(seen[0].values()) & set(resting.values())
    assert seen[1] == resting, "the first block is at rest while the second works"
    assert {name: id(weight) for name, weight in block.named_parameters()} == resting


def test_what_cannot_be_is_refused(folder: Path) -> None:
    with pytest.raises(ValidationError, match="checkpointing"):
        RuntimeSettings(offload="base")
    with pytest.raises(ValidationError, match="quantised"):
        RuntimeSettings(offload="base", checkpointing=True, quantised="4bit")
    with pytest.raises(UsageProblem) as caught:
        load_base(str(folder), FAR, train_base=True)
    assert caught.value.code == "offload-full"
