"""Requests that come and go between two tokens get what they would get alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from stock_twins import END, VOCABULARY, Pair, make_pair

from dajeong.records import Decoding
from dajeong.rollout.continuous import FIRST_SLOTS, NativeContinuous
from dajeong.rollout.engine import Completion, Drawn, Request
from dajeong.rollout.native import NativeEngine

DECODINGS = (
    Decoding(temperature=0, max_new_tokens=20),
    Decoding(temperature=0.8, top_p=0.9, max_new_tokens=15),
    Decoding(temperature=1.2, top_k=9, max_new_tokens=25),
    Decoding(temperature=0, repetition_penalty=1.3, max_new_tokens=12),
)


@pytest.fixture(scope="module")
def neox() -> Pair:
    return make_pair("neox", ("sft", "policy"))


def crowd(count: int, roles: tuple[str | None, ...] = ("sft", "policy", None)) -> list[Request]:
    generator = torch.Generator().manual_seed(4)
    found = []
    for at in range(count):
        ids = torch.randint(1, VOCABULARY, (1 + at * 7 % 40,), generator=generator).tolist()
        request = Request(tuple(ids), at, DECODINGS[at % 4], roles[at % len(roles)], frozenset({END, 11, 23}))
        found.append(request)
    return found


def alone(pair: Pair, requests: Iterable[Request]) -> list[Completion]:
    engine = NativeEngine(pair.model)
    return [engine.generate([request])[0] for request in requests]


def heard(engine: NativeContinuous, arrivals: list[list[Request]]) -> dict[int, list[Drawn]]:
    """Some requests more before every step, until nothing is left."""
    found: dict[int, list[Drawn]] = {}
    while arrivals or engine.num_running or engine.num_waiting:
        for request in arrivals.pop(0) if arrivals else []:
            found[engine.add(request)] = []
        for drawn in engine.step():
            found[drawn.key].append(drawn)
    return found


@pytest.mark.parametrize("max_slots", [3, 64])
@pytest.mark.parametrize("roles", [("policy",), ("sft", "policy", None)], ids=["one role", "three roles"])
def test_who_comes_later_gets_what_it_gets_alone(
    neox: Pair, max_slots: int, roles: tuple[str | None, ...]
) -> None:
    requests = crowd(2 * FIRST_SLOTS + 2, roles)
    arrivals = [requests[:2], [], requests[2:3], [], [], requests[3:12], [], requests[12:]]
    found = heard(NativeContinuous(neox.model, max_slots, prefill_tokens=60), arrivals)
    for said, expected in zip(found.values(), alone(neox, requests), strict=True):
        assert tuple(drawn.token for drawn in said) == expected.ids
        assert [drawn.logprob for drawn in said] == pytest.approx(expected.logprobs, abs=2e-5)
        assert [drawn.stop_reason for drawn in said[:-1]] == [None] * (len(said) - 1)
        assert said[-1].stop_reason == expected.stop_reason


def test_nothing_is_drawn_for_who_has_left(neox: Pair) -> None:
    requests = crowd(6)
    engine = NativeContinuous(neox.model, 4)
    keys = [engine.add(request) for request in requests]
    before = [drawn.key for drawn in engine.step()]
    assert before == keys[:4]
    engine.cancel(keys[1])  # is being written
    engine.cancel(keys[5])  # waits
    engine.cancel(keys[5])
    after = {drawn.key for _ in range(80) for drawn in engine.step()}
    assert after == {keys[0], keys[2], keys[3], keys[4]}
    assert (engine.num_running, engine.num_waiting) == (0, 0)


def test_a_prompt_is_read_while_others_are_answered(neox: Pair) -> None:
    """With prompts of two forwards, those who are being answered get a token in between."""
    engine = NativeContinuous(neox.model, 8, prefill_tokens=40)
    request = Request(tuple(range(1, 31)), 0, Decoding(temperature=0, max_new_tokens=50), None, frozenset())
    first = engine.add(request)
    engine.step()
    others = [engine.add(request._replace(ids=(*range(at, at + 30),))) for at in (2, 3)]
    steps = [[drawn.key for drawn in engine.step()] for _ in range(4)]
    assert steps == [[first], [others[0]], [first, others[0]], [others[1]]]


def test_the_likeliest_tokens_are_told(neox: Pair) -> None:
    engine = NativeContinuous(neox.model)
    plain = Request((5, 6, 7), 0, Decoding(temperature=0, max_new_tokens=6), None, frozenset())
    asked = {engine.add(plain): 0, engine.add(plain._replace(num_ranked=3)): 3}
    for drawn in (each for _ in range(8) for each in engine.step()):
        assert len(drawn.ranked) == asked[drawn.key]
        if drawn.ranked:
            assert drawn.ranked[0] == (drawn.token, pytest.approx(drawn.logprob, abs=1e-5))
            assert list(drawn.ranked) == sorted(drawn.ranked, key=lambda each: -each[1])


def test_an_idle_engine_gives_its_cache_back(neox: Pair) -> None:
    engine = NativeContinuous(neox.model)
    heard(engine, [crowd(20)])
    schedule = engine._schedule
    assert not schedule and schedule.cache.keys == [] and schedule.cache.num_slots == FIRST_SLOTS


def test_a_penalty_reaches_only_who_asked_for_it(neox: Pair) -> None:
    """A row with a penalty comes while others without one are written, and leaves before them."""
    greedy, penalised = crowd(1)[0], crowd(4)[3]
    engine = NativeContinuous(neox.model)
    found = heard(engine, [[greedy], [], [penalised], [], [greedy]])
    expected = alone(neox, [greedy, penalised, greedy])
    assert [tuple(d.token for d in said) for said in found.values()] == [one.ids for one in expected]
