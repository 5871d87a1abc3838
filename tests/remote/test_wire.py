"""What goes over the wire, and what is made of what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import asked, client
from hypothesis import given
from hypothesis import strategies as st

from dajeong.errors import UsageProblem
from dajeong.records import Decoding, Message
from dajeong.remote import wire
from dajeong.remote.request import Answer, Failure, Request
from dajeong.remote.settings import ServiceSettings
from scripted_server import Script, Written, scripted

CHAT = ServiceSettings(model="m")


def test_a_chat_request_says_what_is_not_usual_and_no_more() -> None:
    request = Request(
        messages=(
            Message(role="system", content="존댓말로."),
            Message(role="user", content="요약하세요.", context="긴 글"),
        ),
        decoding=Decoding(temperature=0.7, top_p=0.5, max_new_tokens=9),
        seed=3,
        stop=("\n",),
        as_json=True,
        top_logprobs=5,
    )
    assert wire.fields_of(request, CHAT) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "존댓말로."},
            {"role": "user", "content": "요약하세요.\n\n긴 글"},
        ],
        "max_tokens": 9,
        "temperature": 0.7,
        "top_p": 0.5,
        "seed": 3,
        "stop": ["\n"],
        "response_format": {"type": "json_object"},
        "logprobs": True,
        "top_logprobs": 5,
    }
    plain = wire.fields_of(asked("안녕"), ServiceSettings(model="m", length_field="max_completion_tokens"))
    assert set(plain) == {"model", "messages", "max_completion_tokens", "temperature"}


def test_further_fields_are_sent_but_never_in_place_of_ours() -> None:
    settings = ServiceSettings(model="m", extra={"reasoning_effort": "low", "model": "other"})
    fields = wire.fields_of(asked("안녕"), settings)
    assert fields["reasoning_effort"] == "low" and fields["model"] == "m"


def test_completions_take_one_text() -> None:
    settings = ServiceSettings(model="m", api="completions")
    fields = wire.fields_of(asked("### 질문: 안녕", top_logprobs=2), settings)
    assert fields["prompt"] == "### 질문: 안녕" and fields["logprobs"] == 2 and "messages" not in fields
    two = Request(messages=(Message(role="user", content="가"), Message(role="assistant", content="나")))
    with pytest.raises(UsageProblem, match="completions"):
        wire.fields_of(two, settings)


def test_beams_are_refused() -> None:
    request = asked("안녕").model_copy(update={"decoding": Decoding(temperature=0, num_beams=4)})
    with pytest.raises(UsageProblem, match="beam"):
        wire.fields_of(request, CHAT)


def test_both_apis_answer_through_the_client() -> None:
    chosen = {"content": [{"token": "네", "logprob": -0.1, "top_logprobs": [
        {"token": "아", "logprob": -2.5}, {"token": "네", "logprob": -0.1}]}]}  # fmt: skip
    with scripted(Script(reply=lambda _: Written("네", logprobs=chosen))) as server:
        with client(server) as ours:
            [found] = ours.answers([asked("안녕?", top_logprobs=2)])
        assert server.calls[0].path == "/v1/chat/completions"
    assert isinstance(found, Answer) and found.logprobs is not None
    assert found.logprobs[0].top == (("네", -0.1), ("아", -2.5))
    assert (found.model, found.fingerprint, found.finish) == ("scripted", "fp_scripted", "stop")
    beside = {
        "tokens": ["네", "."],
        "token_logprobs": [None, -1.0],
        "top_logprobs": [None, {"!": -3.0, ".": -1.0}],
    }
    with scripted(Script(reply=lambda _: Written("네.", logprobs=beside))) as server:
        with client(server, api="completions") as ours:
            [found] = ours.answers([asked("안녕?", top_logprobs=2)])
        assert server.calls[0].path == "/v1/completions"
    assert isinstance(found, Answer) and found.logprobs is not None
    assert [choice.token for choice in found.logprobs] == ["네", "."]
    assert found.logprobs[1].top == ((".", -1.0), ("!", -3.0))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "text", "logprobs"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_answer_of_any_shape_raises(value: Any) -> None:
    found = wire.read(value).result
    assert isinstance(found, Failure) or found.text.strip()


def test_every_request_is_json_in_utf8() -> None:
    body = wire.as_bytes(wire.fields_of(asked("한글 \u2028 😀"), CHAT))
    assert "한글".encode() in body and json.loads(body)["messages"][0]["content"] == "한글 \u2028 😀"
