"""Query, key and value that leave their product in one step are transformers' own, bit for bit."""

from __future__ import annotations

import pytest
import torch
from families import add_drawn, network, some_ids

from dajeong.models import roles
from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel

SIZES = (9, 12, 12, 30, 7)


def answers(turned: bool, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What a model says and learns, with our step or with transformers' own."""
    with monkeypatch.context() as patched:
        if not turned:
            patched.setattr(roles, "turn_in_one_step", lambda *ignored: None)
            patched.setattr(roles, "narrow_last_layer", lambda *ignored: False)
        model = RoleModel(network("neox", 61, 0, 1))
    model.narrows = False
    for seed, role in enumerate(("policy", "value")):
        add_drawn(model, role, seed=seed, trainable=True, head=True)
    reads = [
        Sequence_(some_ids(size, seed=size), role, [True] * size, [size - 1])
        for role in ("policy", "value")
        for size in SIZES
    ]
    found = model(pack(reads))
    (found.logprobs.sum() + found.values["value"].square().sum()).backward()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return [found.logprobs.detach(), found.values["value"].detach(), *gradients]


def test_it_is_transformers_own_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with the turn of the way back left out, and with key and value exchanged."""
    ours, theirs = answers(True, monkeypatch), answers(False, monkeypatch)
    assert len(ours) == len(theirs) > 10
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)
