"""The hand-written step of GPT-NeoX against the model it stands for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stock_twins import Pair, make_pair
from test_native import crowd, prompts, request, theirs

from dajeong.models.layout import Layout
from dajeong.records import Decoding
from dajeong.rollout.cache import SlotCache
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.neox import NeoxStep, fits

TOLERANCE = 1e-5
"""Of the largest logit: the bound on fused paths."""


@pytest.fixture(scope="module")
def neox() -> Pair:
    return make_pair("neox", ("sft", "policy"))


def stepped(
    pair: Pair, role: str | None, lengths: tuple[int, ...], steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of some steps after prompts of `lengths`: by hand, and by full forwards of the model."""
    model, step = pair.model, NeoxStep(pair.model)
    ids = [list(one) for one in prompts(lengths, seed=4)]
    ours, expected = [], []
    with torch.inference_mode():
        step.fold(role)
        cache = SlotCache(len(ids), 4)
        for row, one in enumerate(ids):
            cache.expect_prompts(row, len(one) - 1)
            model.hidden(torch.tensor([one[:-1]]), torch.arange(len(one) - 1)[None], Layout.all(role), cache)
        for drawn in range(steps):
            positions = [len(one) - 1 for one in ids]
            cache.expect_step(torch.tensor(positions), positions)
            tokens = torch.tensor([one[-1] for one in ids])
            ours.append(step.logits(tokens, torch.tensor(positions), cache).clone())
            for one in ids:
                whole = model.hidden(torch.tensor([one]), torch.arange(len(one))[None], Layout.all(role))
                expected.append(model.logits(whole[0, -1]))
                one.append(1 + (drawn * 7 + len(one)) % 90)
    return torch.cat(ours), torch.stack(expected)


@pytest.mark.parametrize("role", [None, "sft", "policy"])
@pytest.mark.parametrize("lengths", [(9, 9, 9), (2, 31, 14, 5), (40,)])
def test_logits_are_those_of_the_model(neox: Pair, role: str | None, lengths: tuple[int, ...]) -> None:
    ours, expected = stepped(neox, role, lengths, steps=6)
    assert float((ours - expected).abs().max()) <= TOLERANCE * float(expected.abs().max())


def test_tokens_are_those_of_the_unfused_engine(neox: Pair) -> None:
    fused, plain = NativeEngine(neox.model, 7), NativeEngine(neox.model, 7, fused=False)
    for role in (None, "sft"):
        requests = [one._replace(role=role) for one in crowd()]
        found, expected = fused.generate(requests), plain.generate(requests)
        assert [one.ids for one in found] == [one.ids for one in expected]
        for ours, other in zip(found, expected, strict=True):
            assert ours.logprobs == pytest.approx(other.logprobs, abs=2e-5)


def test_the_unfused_engine_equals_generate_too(neox: Pair) -> None:
    decoding = Decoding(temperature=0, max_new_tokens=20)
    found = NativeEngine(neox.model, fused=False).generate([request(ids) for ids in prompts()])
    assert [one.ids for one in found] == [theirs(neox.stock, ids, decoding) for ids in prompts()]


def test_changed_weights_are_never_stale() -> None:
    """Not even weights changed through `.data`, which leaves no trace on the parameter."""
    pair = make_pair("neox", ("policy",))
    engine = NativeEngine(pair.model)
    asked = [request(ids, role="policy") for ids in prompts()]
    before = engine.generate(asked)
    generator = torch.Generator().manual_seed(9)
    for layer in pair.model.role_layers().values():
        layer.B["policy"].data.normal_(0, 0.3, generator=generator)
    after = engine.generate(asked)
    assert [one.ids for one in after] != [one.ids for one in before]
    plain = NativeEngine(pair.model, fused=False).generate(asked)
    assert [one.ids for one in after] == [one.ids for one in plain]


@pytest.mark.parametrize("change", [{"use_parallel_residual": False}, {"hidden_act": "gelu_new"}])
def test_relatives_it_does_not_compute_are_left_to_the_model(neox: Pair, change: dict[str, Any]) -> None:
    assert fits(neox.model)
    kept = {name: getattr(neox.model.config, name) for name in change}
    try:
        neox.model.config.update(change)
        assert not fits(neox.model)
    finally:
        neox.model.config.update(kept)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_other_families_are_left_to_the_model(family: str) -> None:
    assert not fits(make_pair(family).model)
