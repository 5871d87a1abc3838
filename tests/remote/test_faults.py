"""Every fault a service is known to show: what is tried again, what is left, what stops everything."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Mapping

import pytest
from asking import Instant, asked, client, questions

from dajeong.errors import EnvironmentProblem, RemoteProblem
from dajeong.remote.client import Client
from dajeong.remote.pacing import Clock
from dajeong.remote.request import Answer, Failure
from dajeong.remote.settings import ServiceSettings
from dajeong.remote.transport import HttpReply, TransportProblem
from scripted_server import Answer as Raw
from scripted_server import Fault, Script, Written, error, scripted

PASSING: list[Fault] = [
    *(429, 500, 502, 503, 504, 529, 408),
    *("reset", "late-reset", "half", "cut-json", "empty", "html"),
    Raw(200, b'{"choices": []}'),
    Raw(200, b'"no object"'),
    Raw(200, b"[" * 200_000),
    Raw(200, {"error": {"message": "upstream failed", "code": 502}}),
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_fault_that_passes_costs_a_wait_and_no_answer(fault: Fault) -> None:
    clock = Instant()
    with scripted(Script(faults=[fault, fault])) as server, client(server, clock=clock) as ours:
        [found] = ours.answers([asked("안녕?")])
        assert isinstance(found, Answer) and found.text == "네: 안녕?"
        assert len(server.calls) == 3
        assert 0.5 <= clock.waits[0] <= 1.0 and 1.0 <= clock.waits[-1] <= 2.0, "doubling, half by lot"


LASTING: list[tuple[Fault, str]] = [
    (429, "busy"),
    (503, "server-error"),
    ("reset", "cut-off"),
    ("half", "cut-off"),
    ("empty", "no-body"),
    ("html", "html"),
    ("cut-json", "unreadable"),
]


@pytest.mark.parametrize(("fault", "code"), LASTING)
def test_tries_are_bounded_and_the_row_says_why(fault: Fault, code: str) -> None:
    with scripted(Script(fault_of=lambda *_: fault)) as server, client(server, max_retries=2) as ours:
        assert [found.code for found in ours.answers([asked("안녕?")]) if isinstance(found, Failure)] == [
            code
        ]
        assert len(server.calls) == 3
        server.script.fault_of = None
        [found] = ours.answers([asked("안녕?")])
        assert isinstance(found, Answer) and not found.cached, "a failure is never kept"


ONE_REQUEST: list[tuple[Fault, str]] = [
    (error(400, "context_length_exceeded"), "too-long-prompt"),
    (error(400, "", "This model's maximum context length is 4096 tokens"), "too-long-prompt"),
    (413, "too-long-prompt"),
    (error(400, "content_filter"), "refused-by-service"),
    (error(400, "content_policy_violation"), "refused-by-service"),
    (error(400, "unsupported_parameter"), "bad-request"),
    (422, "bad-request"),
    ("huge", "too-long-body"),
    (Raw(200, b"", {"content-length": str(10**9)}), "too-long-body"),
]


@pytest.mark.parametrize(("fault", "code"), ONE_REQUEST, ids=str)
def test_what_is_wrong_with_one_request_is_not_tried_again(fault: Fault, code: str) -> None:
    with scripted(Script(faults=[fault])) as server, client(server) as ours:
        first, second = ours.answers(questions(2))
        assert isinstance(first, Failure) and first.code == code
        assert isinstance(second, Answer) and len(server.calls) == 2


REPLIES: list[tuple[Written, str]] = [
    (Written(""), "empty"),
    (Written(" \n\u3000"), "empty"),
    (Written(None), "empty"),
    (Written(None, refusal="I can't help with that."), "refused-by-service"),
    (Written("아", finish="content_filter"), "refused-by-service"),
]


@pytest.mark.parametrize(("written", "code"), REPLIES, ids=str)
def test_a_reply_without_words_is_paid_but_never_kept(written: Written, code: str) -> None:
    script = Script(reply=lambda _: written)
    with scripted(script) as server, client(server, price_in=1.0, price_out=1.0) as ours:
        [found] = ours.answers([asked("안녕?")])
        assert isinstance(found, Failure) and found.code == code
        assert ours.spent == pytest.approx(server.dollars(1.0, 1.0)) and len(server.calls) == 1
        ours.answers([asked("안녕?")])
        assert len(server.calls) == 2


def test_an_answer_of_another_shape_that_was_charged_is_not_asked_again() -> None:
    odd = Raw(200, {"choices": [{"message": {"content": 12}}], "usage": {"prompt_tokens": 5}})
    with scripted(Script(faults=[odd])) as server, client(server, price_in=1.0, price_out=1.0) as ours:
        [found] = ours.answers([asked("안녕?")])
        assert isinstance(found, Failure) and found.code == "unreadable" and len(server.calls) == 1
        assert ours.spent == pytest.approx(5e-6)


def test_half_a_character_in_a_reply_is_kept_as_lost() -> None:
    said = rb'{"choices": [{"finish_reason": "stop", "message": {"content": "half \ud800"}}]}'
    with scripted(Script(fault_of=lambda *_: Raw(200, said))) as server, client(server) as ours:
        found = [answer for _ in range(2) for answer in ours.answers([asked("안녕?")])]
        assert [each.text for each in found if isinstance(each, Answer)] == ["half \ufffd"] * 2
        assert len(server.calls) == 1


def test_a_reply_cut_at_its_longest_says_so() -> None:
    script = Script(reply=lambda _: Written("반쯤", finish="length"))
    with scripted(script) as server, client(server) as ours:
        [found] = ours.answers([asked("안녕?")])
        assert isinstance(found, Answer) and found.finish == "length"


STOPS: list[tuple[Fault, str]] = [
    (error(429, "insufficient_quota"), "service-quota"),
    (
        Raw(429, {"error": {"type": "insufficient_quota", "code": "credit_balance_exhausted"}}),
        "service-quota",
    ),
    (error(429, "project_spend_limit_exceeded"), "service-quota"),
    (402, "service-quota"),
    (error(400, "billing_hard_limit_reached"), "service-quota"),
    (401, "service-key-refused"),
    (403, "service-key-refused"),
    (404, "service-not-there"),
    (error(400, "model_not_found"), "service-not-there"),
    (Raw(302, b"", {"location": "http://elsewhere.example/"}), "service-not-there"),
    (error(429, "rate_limit_exceeded", retry_after="3600"), "service-pause"),
]


@pytest.mark.parametrize(("fault", "code"), STOPS, ids=str)
def test_what_no_waiting_heals_stops_at_once_and_keeps_what_is_done(fault: Fault, code: str) -> None:
    script = Script(fault_of=lambda number, _: fault if number >= 5 else None)
    with scripted(script) as server, client(server, concurrency=3) as ours:
        with pytest.raises(RemoteProblem) as stopped:
            ours.answers(questions(200))
        assert stopped.value.code == code and stopped.value.exit_code == 5
        assert len(server.calls) <= 5 + 3, "nobody asks on"
        script.fault_of = None
        found = ours.answers(questions(8))
        assert sum(isinstance(each, Answer) and each.cached for each in found) == 5


def test_a_service_that_is_down_is_not_asked_ten_thousand_times() -> None:
    script = Script(fault_of=lambda number, _: 500 if number >= 3 else None)
    with (
        scripted(script) as server,
        client(server, max_retries=1, max_failures_in_a_row=4) as ours,
        pytest.raises(RemoteProblem, match="4"),
    ):
        ours.answers(questions(10_000))
    assert len(server.calls) == 3 + 2 * 4


def test_a_service_that_was_never_there_stops_within_seconds() -> None:
    with socket.socket() as taken, scripted() as server:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        clock = Instant()
        with client(server, clock=clock, base_url=address) as ours, pytest.raises(RemoteProblem) as stopped:
            ours.answers(questions(5))
    assert stopped.value.code == "service-unreachable" and stopped.value.exit_code == 5
    assert len(clock.waits) == 2 and sum(clock.waits) < 5


def test_an_address_that_can_be_none_is_the_same() -> None:
    with (
        scripted() as server,
        client(server, base_url="http://\u200b한/v1") as ours,
        pytest.raises(RemoteProblem) as stopped,
    ):
        ours.answers(questions(1))
    assert stopped.value.code == "service-unreachable"


class Leaving:
    """A transport whose service answers once and is then gone."""

    def __init__(self) -> None:
        self.tries = 0

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        self.tries += 1
        if self.tries > 1:
            raise TransportProblem("unreachable", False)
        return HttpReply(
            200, {}, b'{"choices": [{"message": {"content": "\\ub124"}, "finish_reason": "stop"}]}'
        )

    def close(self) -> None: ...


def test_a_service_that_went_away_is_waited_for() -> None:
    transport, clock = Leaving(), Instant()
    settings = ServiceSettings(model="m", base_url="http://127.0.0.1:9/v1", concurrency=1, max_retries=5)
    with Client(settings, None, transport=transport, clock=clock) as ours:
        found = ours.answers(questions(2))
    assert [each.code for each in found if isinstance(each, Failure)] == ["unreachable"]
    assert transport.tries == 1 + 6 and len(clock.waits) == 5


def test_a_proxy_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://me:secret@proxy.invalid:1")
    with scripted() as server, client(server, base_url="http://example.invalid/v1") as ours:
        ours.estimate(questions(1))
        with pytest.raises(EnvironmentProblem) as refused:
            ours.answers(questions(1))
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_silence_and_dripping_have_limits_of_their_own(fault: Fault) -> None:
    limits = {"read_seconds": 0.2, "answer_seconds": 0.4, "max_retries": 0}
    with scripted(Script(faults=[fault])) as server, client(server, **limits) as ours:
        began = time.monotonic()
        [found] = ours.answers([asked("안녕?")])
        assert time.monotonic() - began < 3
        assert isinstance(found, Failure) and found.code == "cut-off"


def test_a_body_of_fifty_megabytes_is_never_held() -> None:
    with scripted(Script(faults=["huge"])) as server, client(server, max_body_mib=1.0) as ours:
        ours.answers([asked("처음")])  # what is imported late is not measured
        server.script.faults = [None, "huge"]
        tracemalloc.start()
        ours.answers([asked("안녕?")])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12 * 2**20


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ({"retry-after": "7"}, 7.0, 9.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:30:10 GMT"}, 10.0, 12.6),
        ({"retry-after-ms": "1500"}, 1.5, 2.0),
        ({"retry-after": "soon"}, 0.5, 1.0),
        ({"retry-after": "-5"}, 0.5, 1.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0, 0.1),
    ],
    ids=str,
)
def test_a_pause_is_kept_as_told(header: dict[str, str], least: float, most: float) -> None:
    clock = Instant()  # it is 22:30:00 on 14 November 2023
    busy = Raw(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, header)
    with scripted(Script(faults=[busy])) as server, client(server, clock=clock) as ours:
        ours.answers([asked("안녕?")])
        assert least <= sum(clock.waits[:1]) <= most


def test_everybody_keeps_a_pause_that_one_is_told() -> None:
    busy = error(429, "rate_limit_exceeded", retry_after="0.4")
    script = Script(faults=[None, busy], latency_s=0.03)
    with scripted(script) as server, client(server, clock=Clock(), concurrency=4) as ours:
        assert all(isinstance(found, Answer) for found in ours.answers(questions(30)))
        told = server.calls[1].ended
        early = [call for call in server.calls if told + 0.05 < call.began < told + 0.4]
        assert early == [] and len(server.calls) == 31
