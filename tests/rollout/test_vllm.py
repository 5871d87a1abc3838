"""What vLLM is asked, and what is made of its answers; a stand-in of its module answers here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dajeong.errors import EnvironmentProblem
from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.vllm import VllmContinuous, sampling_of

DRAWN = Decoding(temperature=0.7, top_p=0.9, max_new_tokens=40)
REQUEST = Request((5, 6, 7), 11, DRAWN, None, frozenset({2, 1}))


class StandIn:
    """`LLMEngine` as far as it is used: two tokens of every request a step, the fourth is the end."""

    model_config = SimpleNamespace(max_model_len=32)

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.said: dict[str, int] = {}
        self.aborted: list[str] = []

    def add_request(self, request_id: str, prompt: dict[str, Any], params: Any) -> None:
        self.asked[request_id], self.said[request_id] = (prompt, params), 0

    def abort_request(self, ids: list[str]) -> None:
        self.aborted += ids
        for each in ids:
            self.said.pop(each, None)

    def has_unfinished_requests(self) -> bool:
        return bool(self.said)

    def step(self) -> list[Any]:
        return [self._output(key) for key in list(self.said)]

    def _output(self, key: str) -> Any:
        tokens = [9, 8] if not self.said[key] else [7, 2]
        self.said[key] += 2
        finished = self.said[key] == 4
        if finished:
            del self.said[key]
        drawn, best = SimpleNamespace(logprob=-1.5), SimpleNamespace(logprob=-0.5)
        logprobs = [{token: drawn, 3: best} for token in tokens]
        reason = "stop" if finished else None
        said = SimpleNamespace(token_ids=tokens, logprobs=logprobs, finish_reason=reason)
        return SimpleNamespace(request_id=key, outputs=[said], finished=finished)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    found = StandIn()
    module = SimpleNamespace(
        EngineArgs=lambda **given: given,
        LLMEngine=SimpleNamespace(from_engine_args=lambda arguments: found),
        SamplingParams=lambda **given: given,
        sampling_params=SimpleNamespace(RequestOutputKind=SimpleNamespace(DELTA="delta")),
    )
    monkeypatch.setitem(sys.modules, "vllm", module)  # type: ignore[arg-type]
    yield found


def test_what_is_asked() -> None:
    assert sampling_of(REQUEST, context=32) == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": -1,
        "repetition_penalty": 1.0,
        "max_tokens": 29,
        "seed": 11,
        "stop_token_ids": [1, 2],
        "logprobs": 0,
        "detokenize": False,
    }
    other = REQUEST._replace(decoding=Decoding(temperature=0, top_k=5, max_new_tokens=4), num_ranked=3)
    asked = sampling_of(other, context=32)
    assert (asked["temperature"], asked["top_k"], asked["max_tokens"], asked["logprobs"]) == (0, 5, 4, 3)


def test_several_tokens_a_step(engine: StandIn) -> None:
    ours = VllmContinuous("merged")
    key = ours.add(REQUEST._replace(num_ranked=1))
    assert engine.asked["1"][0] == {"prompt_token_ids": [5, 6, 7]}
    assert engine.asked["1"][1]["output_kind"] == "delta"
    steps = [ours.step() for _ in range(3)]
    assert [[drawn.token for drawn in step] for step in steps] == [[9, 8], [7, 2], []]
    assert [drawn.stop_reason for step in steps for drawn in step] == [None, None, None, "eos"]
    assert {(drawn.key, drawn.logprob, drawn.ranked) for step in steps for drawn in step} == {
        (key, -1.5, ((3, -0.5),))
    }
    assert (ours.context, ours.num_running, ours.num_waiting) == (32, 0, 0)


def test_leaving(engine: StandIn) -> None:
    ours = VllmContinuous("merged", max_slots=1)
    keys = [ours.add(REQUEST) for _ in range(3)]
    assert (ours.num_running, ours.num_waiting) == (1, 2)
    ours.cancel(keys[1])
    ours.cancel(keys[1])
    assert engine.aborted == ["2"] and {drawn.key for drawn in ours.step()} == {keys[0], keys[2]}
    ours.clear()
    assert ours.step() == [] and ours.num_running == 0


def test_without_it_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EnvironmentProblem) as caught:
        VllmContinuous("merged")
    assert caught.value.parameters["extra"] == "vllm"
