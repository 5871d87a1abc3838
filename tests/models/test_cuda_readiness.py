"""What a GPU needs of the model code, as far as a CPU can tell: variable-length attention and its two traps,
and a bfloat16 base under float32 adapters.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.attention.varlen as varlen
from families import FAMILIES, add_drawn, network, some_ids
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from dajeong.models import attention, neox_attention
from dajeong.models.base import load_base
from dajeong.models.layout import Sequence_, TokenBatch, pack
from dajeong.models.roles import RoleModel
from dajeong.models.settings import RuntimeSettings

LENGTHS = (9, 3, 14, 1, 9)


def batch_of(role: str | None = "policy") -> TokenBatch:
    return pack([Sequence_(some_ids(n, i), role, [True] * n) for i, n in enumerate(LENGTHS)])


def made(family: str) -> RoleModel:
    model = RoleModel(network(family, 61, 0, 1))
    add_drawn(model, "policy", 1, trainable=True)
    return model


def reference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """What `varlen_attn` promises, sequence by sequence, and what it demands of its arguments."""
    for states in (query, key, value):
        assert states.dim() == 3 and states.is_contiguous()
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32 and cu_seq_q.tolist()[-1] == len(query)
    assert window_size == (-1, 0), "causal"
    assert enable_gqa == (query.shape[1] != key.shape[1])
    bounds = cu_seq_q.tolist()
    assert max_q == max_k == max(end - start for start, end in zip(bounds, bounds[1:], strict=False))
    parts = []
    for start, end in zip(bounds, bounds[1:], strict=False):
        rows = [states[start:end].transpose(0, 1)[None] for states in (query, key, value)]
        attended = scaled_dot_product_attention(*rows, is_causal=True, scale=scale, enable_gqa=enable_gqa)
        parts.append(attended[0].transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture
def as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Packed forwards take the path of the GPU, the reference in place of its kernel; counts its calls."""
    calls: list[int] = []

    def counted(*given: Any, **named: Any) -> Tensor:
        calls.append(1)
        return reference(*given, **named)

    monkeypatch.setattr(varlen, "varlen_attn", counted)
    monkeypatch.setattr(attention, "on_gpu", lambda query: True)
    yield calls


def outputs_and_gradients(model: RoleModel) -> dict[str, Tensor]:
    found = model(batch_of())
    (-found.logprobs.sum()).backward()
    grown = {name: weight.grad for name, weight in model.parameters_of("policy").items()}
    return {
        "logprobs": found.logprobs.detach(),
        **{name: each for name, each in grown.items() if each is not None},
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_the_kernel_is_asked_for_what_the_rectangles_compute(
    family: str, as_on_cuda: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail with `window_size` left at its default, which is not causal, and with int64 bounds."""
    packed = outputs_and_gradients(made(family))
    assert len(as_on_cuda) == 2, "once a layer"
    monkeypatch.undo()
    plain = outputs_and_gradients(made(family))
    for name, tensor in plain.items():
        scale = float(tensor.abs().max())
        assert float((packed[name] - tensor).abs().max()) <= 1e-5 * scale, name


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_cache_switch_of_the_configuration_cannot_mix_sequences(family: str, use_cache: bool) -> None:
    """The first trap: transformers' own packed forward is silently wrong where `use_cache` is true, its
    default. Seen to fail with `use_cache=None` in `RoleModel._trunk`, which builds a cache.
    """
    model = made(family)
    model.config.use_cache = use_cache
    given: list[dict[str, Any]] = []
    run = model.trunk.forward

    def forward(**named: Any) -> Any:
        given.append(named)
        return run(**named)

    model.trunk.forward = forward  # type: ignore[method-assign]
    with torch.no_grad():
        together = model(batch_of()).logprobs
        alone = torch.cat(
            [
                model(pack([Sequence_(some_ids(n, i), "policy", [True] * n)])).logprobs
                for i, n in enumerate(LENGTHS)
                if n > 1
            ]
        )
    assert float((together - alone).abs().max()) <= 1e-5
    assert {(named["use_cache"], named["attention_mask"]) for named in given} == {(False, None)}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_mask_of_ones_is_ever_built(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second trap: an all-ones mask makes transformers build a causal one over all that is packed. Our
    name is unknown to its mask builder, so none reaches the attention. Seen to fail with a mask of ones in
    `_trunk`.
    """
    masks: list[Tensor | None] = []
    real = attention.attend

    def watched(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **named: Any
    ) -> Any:
        masks.append(mask)
        return real(module, query, key, value, mask, **named)

    attention.ALL_ATTENTION_FUNCTIONS.register(attention.NAME, watched)
    monkeypatch.setattr(neox_attention, "attend", watched)  # called without the detour through transformers
    try:
        with torch.no_grad():
            made(family)(batch_of())
    finally:
        attention.ALL_ATTENTION_FUNCTIONS.register(attention.NAME, real)
    assert masks and all(mask is None for mask in masks)


@pytest.mark.parametrize("family", ["neox", "llama"])
def test_a_bfloat16_base_carries_float32_adapters(folders: dict[str, Path], family: str) -> None:
    """Seen to fail with adapters drawn in the type of the base."""
    half, full = (
        load_base(str(folders[family]), RuntimeSettings(device="cpu", dtype=dtype)).model
        for dtype in ("bfloat16", "float32")
    )
    found = []
    for model in (half, full):
        add_drawn(model, "policy", 1, trainable=True, head=True)
        outputs = model(batch_of())
        assert outputs.logprobs.dtype == torch.float32
        (-outputs.logprobs.mean()).backward()
        weights = model.parameters_of("policy")
        assert {weight.dtype for weight in weights.values()} == {torch.float32}
        found.append({name: weight.grad for name, weight in weights.items() if name != "score"})
    assert {weight.dtype for weight in half.base.parameters() if weight.shape[0] > 8} >= {torch.bfloat16}
    for name, gradient in found[1].items():
        mine = found[0][name]
        assert mine is not None and gradient is not None and mine.dtype == torch.float32
        cosine = torch.nn.functional.cosine_similarity(mine.flatten(), gradient.flatten(), dim=0)
        assert float(cosine) > 0.98, name
