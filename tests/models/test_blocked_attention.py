"""Attention block by block equals torch's own, forward and back, and is taken only where it pays."""

from __future__ import annotations

import pytest
import torch
from families import add_drawn, bare_model, some_ids
from torch.nn.functional import scaled_dot_product_attention

from dajeong.models import attention, blocked_attention
from dajeong.models.blocked_attention import BLOCK, SHORTEST, blocked, pays
from dajeong.models.layout import Sequence_, pack


def drawn(length: int, rows: int = 2, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Query, key and value as a model gives them: cut from one tensor, not contiguous."""
    generator = torch.Generator().manual_seed(length)
    joint = torch.randn(rows, length, 3, 4, 8, generator=generator, dtype=dtype)
    return [joint[:, :, part].transpose(1, 2).requires_grad_() for part in range(3)]


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 43])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_it_equals_torchs_own(length: int, dtype: torch.dtype, tolerance: float) -> None:
    """Seen to fail without the scale on the way back to the query, and with the diagonal hidden."""
    states = drawn(length, dtype=dtype)
    weights = torch.linspace(-1, 1, states[0].numel(), dtype=dtype).view(states[0].shape)
    found = []
    for attend in (
        lambda q, k, v: blocked(q, k, v, 0.3),
        lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
    ):
        attended = attend(*states)
        found.append([attended.detach(), *torch.autograd.grad((attended * weights).sum(), states)])
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).abs().max()) <= tolerance


def test_it_is_taken_for_long_sequences_that_learn() -> None:
    long, short = drawn(SHORTEST), drawn(SHORTEST - 1)
    assert pays(*long[:2]) and not pays(*short[:2])
    with torch.no_grad():
        assert not pays(*long[:2])
    assert not pays(long[0], long[1][:, :2]), "fewer key heads"
    assert not pays(long[0].double(), long[1].double())
    wide = long[0][:1].expand(1024, -1, -1, -1)
    assert wide.requires_grad and not pays(wide, wide), "too much to keep"


def test_a_model_that_takes_it_learns_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked_attention, "SHORTEST", 20)
    taken = []
    whole = attention.blocked
    monkeypatch.setattr(attention, "blocked", lambda *given: taken.append(1) or whole(*given))
    model = bare_model()
    add_drawn(model, "policy", seed=1, trainable=True)
    batch = pack([Sequence_(some_ids(n, seed=n), "policy", [True] * n) for n in (9, 25, 40)])
    found = []
    for shortest in (20, 1000):
        monkeypatch.setattr(blocked_attention, "SHORTEST", shortest)
        model.zero_grad(set_to_none=True)
        model(batch).logprobs.sum().backward()
        found.append([weight.grad for weight in model.parameters() if weight.grad is not None])
    assert taken
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))
