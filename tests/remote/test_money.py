"""Nothing is lost, nothing is paid twice, no budget is exceeded, and what was spent is known exactly."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from asking import PRICES, Instant, asked, client, questions
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.errors import RemoteProblem
from dajeong.records import Decoding
from dajeong.remote.client import priced
from dajeong.remote.prices import most_prompt_tokens
from dajeong.remote.request import Answer
from scripted_server import Call, Messages, Script, Written, scripted

FREE_FAULTS = [429, 500, 503, 529, "reset"]
PAID_FAULTS = ["late-reset", "half", "cut-json"]


def text_of(call: Call) -> str:
    return str(call.body["messages"][-1]["content"])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), share=st.floats(0, 0.4), concurrency=st.integers(1, 16))
def test_nothing_is_lost_and_no_answer_is_paid_twice(seed: int, share: float, concurrency: int) -> None:
    draw = random.Random(seed)
    script = Script(
        fault_of=lambda *_: draw.choice(FREE_FAULTS + PAID_FAULTS) if draw.random() < share else None
    )
    wanted = [asked(f"질문 {draw.randrange(20)}") for _ in range(30)]
    more = {"concurrency": concurrency, "max_retries": 20, "max_failures_in_a_row": 1_000}
    with scripted(script) as server, client(server, **more, **PRICES) as ours:
        for _ in range(2):
            found = ours.answers(wanted)
            assert [each.text for each in found if isinstance(each, Answer)] == [
                "네: " + request.messages[0].content for request in wanted
            ]
        good = [text_of(call) for call in server.charged if call.fault is None]
        assert sorted(good) == sorted({request.messages[0].content for request in wanted})
        bill = ours.bill()
        assert bill.spent <= server.dollars(1.0, 2.0) + 1e-12
        assert server.dollars(1.0, 2.0) <= bill.spent + bill.uncertain + 1e-12
        paid = sum(each.cost or 0 for each in found if isinstance(each, Answer) and not each.cached)
        assert paid == 0, "the second time all came from the ledger"


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), concurrency=st.integers(1, 16), share=st.floats(0, 0.3))
def test_a_budget_is_never_exceeded_and_raising_it_goes_on(seed: int, concurrency: int, share: float) -> None:
    draw = random.Random(seed)

    def reply(messages: Messages) -> str:
        return "말" * draw.randrange(1, 64)

    script = Script(reply, fault_of=lambda *_: draw.choice(PAID_FAULTS) if draw.random() < share else None)
    budget = draw.uniform(0.0002, 0.004)
    with scripted(script) as server, client(server, concurrency=concurrency, budget=budget, **PRICES) as ours:
        try:
            ours.answers(questions(40))
        except RemoteProblem as problem:
            assert problem.code == "budget-reached" and problem.exit_code == 5
        assert server.dollars(1.0, 2.0) <= budget
        bill = ours.bill()
        assert bill.spent + bill.uncertain <= budget


def test_a_budget_that_is_enough_is_used_to_its_end(tmp_path: Path) -> None:
    """Requests wait for room while others are under way; they do not fail for what is only reserved."""
    each = 8 * 1.0 + 5 * 2.0
    script = Script(reply=lambda _: "다섯글자야", latency_s=0.01)
    with scripted(script) as server:
        wanted = [asked(f"질문{number:02d}") for number in range(20)]
        most = most_prompt_tokens(wanted[0]) * 1.0 + 64 * 2.0
        budget = (20 * each + most) / 1e6
        ours = client(server, tmp_path / "kept", concurrency=8, budget=budget, **PRICES)
        with ours:
            ours.answers(wanted)
        assert ours.ledger.spent == round(20 * each * 1e6) == round(server.dollars(1, 2) * 1e12)


def test_what_costs_nothing_takes_nothing_from_the_budget() -> None:
    script = Script(fault_of=lambda number, _: (429, 500, 529)[number % 3] if number % 4 else None)
    with scripted(script) as server, client(server, budget=0.0008, max_retries=20, **PRICES) as ours:
        ours.answers(questions(5))
        assert len(server.calls) == 17
        assert ours.ledger.totals() == (round(server.dollars(1, 2) * 1e12), 0)


def test_the_budget_counts_all_services_and_all_starts_of_a_run(tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    with scripted() as server:
        with client(server, cache, **PRICES) as first:
            first.answers(questions(10))
            spent = first.spent
        limited = {"budget": spent + 1e-5, "model": "another", **PRICES}
        with client(server, cache, **limited) as second, pytest.raises(RemoteProblem, match="budget"):
            second.answers(questions(10))
        assert len(server.calls) == 10
        with client(server, cache, **{**limited, "budget": 1.0}) as third:
            third.answers(questions(10))
            assert third.spent == pytest.approx(spent)
            assert third.ledger.totals()[0] / 1e12 == pytest.approx(server.dollars(1, 2))


def test_a_budget_without_a_price_is_refused_before_anything_is_sent() -> None:
    with scripted() as server:
        with pytest.raises(RemoteProblem) as refused:
            client(server, budget=1.0)
        assert refused.value.code == "price-unknown" and server.calls == []
        with client(server, budget=0.0, price_in=0.0, price_out=0.0) as free:
            assert isinstance(free.answers(questions(1))[0], Answer)


def test_without_a_price_tokens_are_still_counted() -> None:
    with scripted() as server, client(server) as ours:
        [found] = ours.answers(questions(1))
        assert isinstance(found, Answer) and found.cost is None
        assert (found.prompt_tokens, found.completion_tokens) == tuple(server.tokens.values())
        bill = ours.bill()
        assert (bill.spent, bill.uncertain, bill.answered) == (0, 0, 1)
        assert ours.estimate(questions(3)).expected is None


def test_a_service_that_does_not_count_is_charged_at_the_most() -> None:
    with scripted(Script(faults=["no-usage"])) as server, client(server, **PRICES) as ours:
        [found] = ours.answers(questions(1))
        assert isinstance(found, Answer) and found.cost is None
        assert ours.spent == 0 and server.dollars(1, 2) <= ours.bill().uncertain


def test_prompt_tokens_that_the_service_had_kept_have_their_own_price() -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 800},
    }
    script = Script(reply=lambda _: Written("네", usage=usage))
    with scripted(script) as server, client(server, price_cached_in=0.1, **PRICES) as ours:
        ours.answers(questions(1))
        assert ours.spent == pytest.approx((200 * 1.0 + 800 * 0.1 + 10 * 2.0) / 1e6, abs=1e-15)


def test_an_estimate_brackets_what_is_paid_and_leaves_out_what_is_kept(tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    with scripted() as server:
        with client(server, cache, **PRICES) as ours:
            wanted = questions(40)
            before = ours.estimate(wanted + wanted)
            assert (before.requests, before.cached) == (40, 0) and server.calls == []
            assert before.low is not None and before.expected is not None and before.high is not None
            ours.answers(wanted)
            assert before.low <= before.expected <= before.high
            assert before.low <= ours.spent <= before.high
            after = ours.estimate(questions(50))
            assert (after.requests, after.cached) == (50, 40)
            assert after.high is not None and after.high < before.high / 2
        assert priced(server.settings(**PRICES), cache, questions(50)) == after
        missing = tmp_path / "none" / "kept"
        assert priced(server.settings(budget=1.0), missing, wanted).requests == 40
        assert not missing.parent.exists(), "a plan leaves nothing on the disk"


def test_estimates_of_replies_learn_from_earlier_ones() -> None:
    with scripted(Script(reply=lambda _: "네")) as server, client(server, **PRICES) as ours:
        wanted = [asked(f"질문 {number}", max_new_tokens=1000) for number in range(30)]
        first = ours.estimate(wanted).expected
        ours.answers(wanted[:20])
        second = ours.estimate(wanted[20:]).expected
        assert first is not None and second is not None and second * 3 < first / 5


def test_equal_requests_are_asked_once_and_samples_apart(tmp_path: Path) -> None:
    script = Script(latency_s=0.02)
    with scripted(script) as server, client(server, tmp_path / "kept", concurrency=8, **PRICES) as ours:
        found = ours.answers([asked("안녕?")] * 10 + [asked("안녕?", sample=1)] * 3)
        assert len(server.calls) == 2
        new = [each for each in found if isinstance(each, Answer) and not each.cached]
        assert len(new) == 2 and sum(each.cost or 0 for each in new) == pytest.approx(ours.spent)


DIFFERENT = [
    asked("가"),
    asked("나"),
    asked("가", sample=1),
    asked("가", seed=0),
    asked("가", as_json=True),
    asked("가", top_logprobs=3),
    asked("가", max_new_tokens=65),
    asked("가", stop=("\n",)),
    asked("가").model_copy(update={"decoding": Decoding(max_new_tokens=64, temperature=0.5)}),
    asked("가").model_copy(update={"decoding": Decoding(max_new_tokens=64, top_p=0.5)}),
]


def test_the_name_of_an_answer_holds_all_that_matters_and_nothing_else() -> None:
    with scripted() as server:
        names = []
        for more in (
            {},
            {"model": "m2"},
            {"base_url": server.url},
            {"api": "completions"},
            {"extra": {"reasoning_effort": "low"}},
        ):
            with client(server, **more) as ours:
                names += [ours.key(request) for request in DIFFERENT]
        assert len(set(names)) == len(names) == 50
        for more in (
            {"budget": 1.0, **PRICES},
            {"key_env": "ANY"},
            {"concurrency": 9},
            {"length_field": "max_completion_tokens"},
        ):
            with client(server, **more) as ours:
                assert [ours.key(request) for request in DIFFERENT] == names[:10]


def test_answers_of_another_model_under_the_same_name_do_not_mix(tmp_path: Path) -> None:
    cache = tmp_path / "kept"
    with scripted(Script(model="m-2026-01")) as server:
        with client(server, cache, **PRICES) as ours:
            ours.answers(questions(3))
        server.script.model = "m-2026-02"
        with client(server, cache, **PRICES) as ours:
            with pytest.raises(RemoteProblem, match="m-2026-01 → m-2026-02"):
                ours.answers(questions(5))
            assert ours.ledger.totals()[0] == round(server.dollars(1, 2) * 1e12), "paid, and counted"
        with client(server, cache, allow_model_change=True, **PRICES) as ours:
            assert all(isinstance(each, Answer) for each in ours.answers(questions(5)))


def test_a_stream_takes_few_requests_ahead_and_may_be_left() -> None:
    taken: list[int] = []

    def endless():  # type: ignore[no-untyped-def]
        for number in range(10**9):
            taken.append(number)
            yield asked(f"질문 {number}")

    with scripted() as server, client(server, concurrency=4) as ours:
        stream = ours.stream(endless())
        found = [next(stream)[0] for _ in range(5)]
        stream.close()
        assert len(set(found)) == 5 and len(taken) <= 5 + 3 * 8
        assert threading.active_count() < 20


def test_limits_per_minute_are_kept() -> None:
    clock = Instant()
    with scripted() as server, client(server, clock=clock, requests_per_minute=120) as ours:
        began = clock.time
        ours.answers(questions(60))
        assert 28 <= clock.time - began <= 31, "60 requests at 2 a second"
    with scripted() as server, client(server, clock=clock, tokens_per_minute=6000) as ours:
        began = clock.time
        ours.answers(questions(20))
        assert 12 <= clock.time - began <= 25, "each some 80 tokens, 100 a second"
