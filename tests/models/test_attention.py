"""Attention over a sliding window: as transformers computes it, packed, alone and while decoding."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from families import drawn, logits_of, some_ids
from transformers import MistralConfig, MistralForCausalLM

from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine

WINDOW, VOCABULARY = 6, 61


@pytest.fixture(scope="module")
def stock() -> Any:
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = MistralConfig(
        vocab_size=VOCABULARY, num_key_value_heads=2, sliding_window=WINDOW, pad_token_id=1, **shape
    )
    config._attn_implementation = "eager"
    return drawn(MistralForCausalLM(config).eval())


@pytest.fixture(scope="module")
def model(stock: Any) -> RoleModel:
    return RoleModel(copy.deepcopy(stock))


def stock_logits(stock: Any, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return stock(input_ids=torch.tensor([ids])).logits[0]


@pytest.mark.parametrize("length", [3, WINDOW, WINDOW + 1, 25])
def test_alone(model: RoleModel, stock: Any, length: int) -> None:
    ids = some_ids(length)
    assert float((logits_of(model, ids, None) - stock_logits(stock, ids)).abs().max()) <= 1e-5


def test_packed(model: RoleModel, stock: Any) -> None:
    sequences = [some_ids(length, seed=length) for length in (4, 25, 19, 6, 7)]
    batch = pack([Sequence_(ids, learn=[True] * len(ids)) for ids in sequences])
    with torch.no_grad():
        ours = model(batch).logprobs
    logs = [stock_logits(stock, ids).log_softmax(-1) for ids in sequences]
    expected = torch.cat(
        [
            one[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
            for one, ids in zip(logs, sequences, strict=True)
        ]
    )
    assert float((ours - expected).abs().max()) <= 1e-5


def test_while_decoding(model: RoleModel, stock: Any) -> None:
    """Rows at different places, so that masks differ, and alone, where there is no mask."""
    prompts = [some_ids(length, seed=length) for length in (2, 11, 5)]
    greedy = Decoding(temperature=0, max_new_tokens=12)
    requests = [Request(tuple(ids), 0, greedy, None, frozenset()) for ids in prompts]
    for asked in (requests, requests[1:2]):
        for request, completion in zip(asked, NativeEngine(model).generate(asked), strict=True):
            whole = [*request.ids, *completion.ids]
            assert len(completion.ids) == 12 > WINDOW
            expected = stock_logits(stock, whole).log_softmax(-1)[len(request.ids) - 1 : -1]
            assert list(completion.ids) == expected.argmax(-1).tolist()
            assert list(completion.logprobs) == pytest.approx(expected.max(-1).values.tolist(), abs=1e-5)


def test_the_window_matters(model: RoleModel) -> None:
    """Else the tests above would show nothing."""
    ids = some_ids(25)
    far = [ids[0] + 1, *ids[1:]]
    reach = 2 * (WINDOW - 1)  # of two layers
    changed = (logits_of(model, ids, None) - logits_of(model, far, None)).abs().max(-1).values > 0
    assert changed[: reach + 1].all() and not changed[reach + 1 :].any()
