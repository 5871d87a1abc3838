"""The last layer leaves out tokens nobody asks about: same answers, same gradients, fewer products."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from families import add_drawn, bare_model, doubles, some_ids

from dajeong.models.layout import Sequence_, TokenBatch, TokenOutputs, pack
from dajeong.models.roles import RoleModel


def model_of(parallel_residual: bool) -> RoleModel:
    model = bare_model("neox")
    model.trunk.layers[-1].use_parallel_residual = parallel_residual  # type: ignore[index, union-attr]
    for seed, role in enumerate(("policy", "value", "idle")):
        add_drawn(model, role, seed=seed, trainable=True, head=True)
    return model


def batch() -> TokenBatch:
    """Two roles; the second half of every sequence is learned, one token of each is read by a head."""
    sequences = [
        Sequence_(some_ids(9 + index, seed=index), role, [place > 5 for place in range(9 + index)], [7])
        for role in ("policy", None, "value")
        for index in range(3)
    ]
    return pack(sequences, temperature=0.7, entropy=True)


def gradients(model: RoleModel, found: TokenOutputs) -> list[torch.Tensor]:
    model.zero_grad(set_to_none=True)
    assert found.entropy is not None
    parts = [found.logprobs, found.entropy, *found.values.values()]
    torch.stack([(part * torch.linspace(1, 2, len(part))).sum() for part in parts]).sum().backward()
    return [weight.grad for weight in model.parameters() if weight.requires_grad and weight.grad is not None]


@pytest.mark.parametrize("parallel_residual", [True, False])
@pytest.mark.parametrize("dropping", [False, True])
def test_the_answers_and_gradients_are_those_of_the_whole_layer(
    parallel_residual: bool, dropping: bool
) -> None:
    """Seen to fail with the layout of all tokens over the rows that are left."""
    with doubles():
        model = model_of(parallel_residual).double()
        if dropping:  # the other path through the adapters; nothing is dropped, so both stay comparable
            for layer in model.role_layers().values():
                layer.train()
                layer.dropout = dict.fromkeys(layer.dropout, 1e-300)
        asked = batch()
        assert asked.asked is not None and len(asked.asked.tokens) < asked.num_tokens
        whole = replace(asked, asked=None)
        ours, theirs = model(asked), model(whole)
        assert torch.allclose(ours.logprobs, theirs.logprobs, rtol=0, atol=1e-12)
        for role in ("policy", "value"):
            assert torch.allclose(ours.values[role], theirs.values[role], rtol=0, atol=1e-12)
        for narrow, wide in zip(gradients(model, ours), gradients(model, theirs), strict=True):
            assert torch.allclose(narrow, wide, rtol=0, atol=1e-11)


def test_the_mlp_of_the_last_layer_sees_only_what_is_asked() -> None:
    model, seen = model_of(True), list[int]()
    layers = model.trunk.layers  # type: ignore[union-attr]
    for layer in layers:  # type: ignore[union-attr]
        layer.mlp.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    asked = batch()
    assert asked.asked is not None
    model(asked)
    assert seen == [asked.num_tokens] * (len(seen) - 1) + [len(asked.asked.tokens)]


def test_nothing_is_left_out_where_nearly_all_is_asked() -> None:
    ids = some_ids(30)
    assert pack([Sequence_(ids, None, [True] * 30)]).asked is None
    assert pack([Sequence_(ids, None, [False] * 30)]).asked is None  # an idle share keeps the whole graph
