"""The engine against transformers' `generate`, and against itself alone, crowded, mixed and cancelled."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stock_twins import END, VOCABULARY, Pair

from dajeong.errors import QualityProblem
from dajeong.models.layout import Layout
from dajeong.records import Decoding
from dajeong.rollout.engine import Completion, Request
from dajeong.rollout.native import NativeEngine, context_limit

GREEDY = Decoding(temperature=0, max_new_tokens=20)
LENGTHS = (5, 17, 1, 30, 9, 9, 2, 23)


def prompts(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> list[tuple[int, ...]]:
    generator = torch.Generator().manual_seed(seed)
    return [tuple(torch.randint(1, VOCABULARY, (n,), generator=generator).tolist()) for n in lengths]


def request(ids: tuple[int, ...], decoding: Decoding = GREEDY, **changes: Any) -> Request:
    return Request(ids, 0, decoding, None, frozenset({END}))._replace(**changes)


def theirs(stock: Any, ids: tuple[int, ...], decoding: Decoding, **options: Any) -> tuple[int, ...]:
    """transformers' own answer, cut after the first end."""
    tokens = torch.tensor([ids])
    settings = {"repetition_penalty": decoding.repetition_penalty, "do_sample": False, **options}
    out = stock.generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=decoding.max_new_tokens, **settings
    )
    drawn = out[0, len(ids) :].tolist()
    return tuple(drawn[: drawn.index(END) + 1] if END in drawn else drawn)


def test_greedy_equals_generate(pair: Pair) -> None:
    found = NativeEngine(pair.model).generate([request(ids) for ids in prompts()])
    assert [one.ids for one in found] == [theirs(pair.stock, ids, GREEDY) for ids in prompts()]


def test_repetition_penalty_equals_generate(pair: Pair) -> None:
    decoding = GREEDY.model_copy(update={"repetition_penalty": 1.3})
    found = NativeEngine(pair.model).generate([request(ids, decoding) for ids in prompts()])
    assert [one.ids for one in found] == [theirs(pair.stock, ids, decoding) for ids in prompts()]
    plain = NativeEngine(pair.model).generate([request(ids) for ids in prompts()])
    assert [one.ids for one in found] != [one.ids for one in plain]


MIXED = (
    Decoding(max_new_tokens=24),
    Decoding(temperature=0.7, max_new_tokens=9),
    Decoding(temperature=1.3, top_k=7, max_new_tokens=16),
    Decoding(top_p=0.6, max_new_tokens=24),
    Decoding(temperature=0, repetition_penalty=1.2, max_new_tokens=12),
    Decoding(temperature=0.9, top_k=20, top_p=0.8, repetition_penalty=1.1, max_new_tokens=24),
)


def crowd(count: int = 18) -> list[Request]:
    """Mixed lengths and decodings, own seeds and several ends, so that rows leave at odd times."""
    stops = frozenset({END, 11, 23, 42})
    lengths = tuple(LENGTHS[index % len(LENGTHS)] for index in range(count))
    drawn = prompts(lengths, seed=1)
    return [Request(ids, seed, MIXED[seed % len(MIXED)], None, stops) for seed, ids in enumerate(drawn)]


def alone(engine: NativeEngine, requests: list[Request]) -> list[Completion]:
    return [engine.generate([one])[0] for one in requests]


@pytest.mark.parametrize("max_slots", [2, 5, 64])
def test_neighbours_never_matter(pair: Pair, max_slots: int) -> None:
    requests = crowd()
    crowded = NativeEngine(pair.model, max_slots, prefill_tokens=40).generate(requests)
    single = alone(NativeEngine(pair.model), requests)
    assert [one.ids for one in crowded] == [one.ids for one in single]
    assert [one.stop_reason for one in crowded] == [one.stop_reason for one in single]
    assert {one.stop_reason for one in crowded} == {"eos", "length"}
    for ours, other in zip(crowded, single, strict=True):
        assert ours.logprobs == pytest.approx(other.logprobs, abs=2e-5)


def test_seeds_decide_and_repeat(pair: Pair) -> None:
    ids = prompts()[0]
    decoding = Decoding(max_new_tokens=12)
    requests = [request(ids, decoding, seed=seed) for seed in (1, 2, 3, 1)]
    found = NativeEngine(pair.model).generate(requests)
    assert found[0].ids == found[3].ids
    assert len({one.ids for one in found}) == 3


def test_logprobs_are_those_of_a_full_forward(pair: Pair) -> None:
    """Under softmax(logits / T) over the whole vocabulary, filters and penalties left out; 1 where greedy."""
    requests = crowd(6)
    for asked, found in zip(requests, NativeEngine(pair.model).generate(requests), strict=True):
        whole = torch.tensor([[*asked.ids, *found.ids]])
        with torch.no_grad():
            logits = pair.stock(whole).logits[0, len(asked.ids) - 1 : -1]
        expected = (logits / (asked.decoding.temperature or 1.0)).log_softmax(-1)
        expected = expected.gather(1, torch.tensor(found.ids)[:, None])[:, 0]
        assert found.logprobs == pytest.approx(expected.tolist(), abs=2e-5)


def test_end_is_kept_and_nothing_follows(pair: Pair) -> None:
    for asked, found in zip(crowd(), NativeEngine(pair.model).generate(crowd()), strict=True):
        assert len(found.ids) == len(found.logprobs) <= asked.decoding.max_new_tokens
        assert asked.stop_ids.isdisjoint(found.ids[:-1])
        assert (found.ids[-1] in asked.stop_ids) == (found.stop_reason == "eos")
        assert found.stop_reason == "eos" or len(found.ids) == asked.decoding.max_new_tokens


def test_the_context_ends_a_reply(pair: Pair) -> None:
    limit = context_limit(pair.model.config)
    decoding = Decoding(max_new_tokens=50)
    asked = [request(ids, decoding, stop_ids=frozenset()) for ids in prompts((limit - 3, limit, 4))]
    found = NativeEngine(pair.model).generate(asked)
    assert [len(one.ids) for one in found] == [3, 0, 50]
    assert {one.stop_reason for one in found} == {"length"}


def test_a_listener_hears_all_and_can_cancel_one(pair: Pair) -> None:
    heard: dict[int, list[int]] = {}

    def listen(index: int, token: int) -> bool:
        heard.setdefault(index, []).append(token)
        return not (index == 1 and len(heard[1]) == 4)

    asked = [request(ids, Decoding(max_new_tokens=15), stop_ids=frozenset(), seed=7) for ids in prompts()[:3]]
    found = NativeEngine(pair.model).generate(asked, listen)
    assert [one.stop_reason for one in found] == ["length", "cancelled", "length"]
    assert [tuple(heard[index]) for index in range(3)] == [one.ids for one in found]
    whole = NativeEngine(pair.model).generate(asked)
    assert found[1].ids == whole[1].ids[:4]
    assert (found[0], found[2]) == (whole[0], whole[2]) or found[0].ids == whole[0].ids


def test_roles_share_a_batch(roles_pair: Pair) -> None:
    model = roles_pair.model
    roles = ("sft", None, "policy", "sft", "policy", None, "policy", "sft")
    asked = [request(ids, role=role) for ids, role in zip(prompts(), roles, strict=True)]
    mixed = NativeEngine(model, max_slots=5).generate(asked)
    single = alone(NativeEngine(model), asked)
    assert [one.ids for one in mixed] == [one.ids for one in single]
    as_base = NativeEngine(model).generate([one._replace(role=None) for one in asked])
    assert [one.ids for one in as_base] == [theirs(roles_pair.stock, ids, GREEDY) for ids in prompts()]
    assert as_base[0].ids != mixed[0].ids
    for one, found in zip(asked, mixed, strict=True):
        assert found.ids == _by_full_forwards(model, one, len(found.ids))


def _by_full_forwards(model: Any, asked: Request, count: int) -> tuple[int, ...]:
    """Greedy without any cache."""
    ids = list(asked.ids)
    with torch.no_grad():
        for _ in range(count):
            positions = torch.arange(len(ids))[None]
            hidden = model.hidden(torch.tensor([ids]), positions, Layout.all(asked.role))
            ids.append(int(model.logits(hidden[0, -1]).argmax()))
    return tuple(ids[len(asked.ids) :])


def test_equal_prompts_are_read_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what each then draws is still its own."""
    shapes: list[tuple[int, ...]] = []
    hidden = pair.model.hidden

    def counted(ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        shapes.append(tuple(ids.shape))
        return hidden(ids, *rest)

    monkeypatch.setattr(pair.model, "hidden", counted)
    first, second = prompts((6, 11))
    decoding = Decoding(max_new_tokens=6)
    asked = [request(ids, decoding, seed=seed) for seed, ids in enumerate((first, second, first, first))]
    found = NativeEngine(pair.model).generate(asked)
    assert shapes[0] == (2, 11)
    monkeypatch.undo()
    assert [one.ids for one in found] == [one.ids for one in alone(NativeEngine(pair.model), asked)]


def test_long_prompts_are_read_within_the_budget(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    hidden = pair.model.hidden

    def counted(ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.append(ids.numel())
        return hidden(ids, *rest)

    monkeypatch.setattr(pair.model, "hidden", counted)
    asked = [request(ids) for ids in prompts((30, 25, 20, 28, 60))]
    NativeEngine(pair.model, prefill_tokens=60).generate(asked)
    assert max(sizes) <= 60


def test_a_model_that_answers_nan_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair.model, "logits", lambda hidden: torch.full((len(hidden), VOCABULARY), torch.nan))
    with pytest.raises(QualityProblem) as caught:
        NativeEngine(pair.model).generate([request(prompts()[0], Decoding())])
    assert caught.value.code == "logits-not-finite"
