"""OpenAI's own client against a server of ours: every field that is supported, streamed and whole."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI
from small_server import QUESTION, Running

from dajeong.models.tokenize import prompt_ids
from dajeong.records import Decoding, Message
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.speech import Speech
from dajeong.serving.shelf import Shelf

LENGTH = 24
GREEDY: dict[str, Any] = {"temperature": 0, "max_tokens": LENGTH}
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class Heard:
    """An answer, put together from its chunks where it came in chunks."""

    def __init__(self, answer: Any, stream: bool) -> None:
        self.chunks = list(answer) if stream else []
        self.texts: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        self.logprobs: dict[int, list[Any]] = {}
        self.usage = None
        for part in self.chunks if stream else [answer]:
            self.usage = part.usage or self.usage
            for choice in part.choices:
                said = choice.delta.content if stream else choice.message.content
                self.texts[choice.index] = self.texts.get(choice.index, "") + (said or "")
                if choice.finish_reason:
                    assert choice.index not in self.reasons, "told once"
                    self.reasons[choice.index] = choice.finish_reason
                if choice.logprobs:
                    self.logprobs.setdefault(choice.index, []).extend(choice.logprobs.content)

    @property
    def text(self) -> str:
        return self.texts[0]


def ask(client: OpenAI, stream: bool = False, model: str = "ppo", **fields: Any) -> Heard:
    given = {"messages": QUESTION, **GREEDY, **fields}
    if stream:
        given["stream_options"] = {"include_usage": True}
    return Heard(client.chat.completions.create(model=model, stream=stream, **given), stream)


def alone(shelf: Shelf, model: str) -> str:
    """The greedy answer without any server."""
    offered = shelf.offered[model]
    messages = [Message(role="user", content=QUESTION[0]["content"])]
    ids = tuple(prompt_ids(messages, offered.template, shelf.tokenizer))
    decoding = Decoding(temperature=0, max_new_tokens=LENGTH)
    request = Request(ids, 0, decoding, offered.role, offered.stop_ids)
    speech = Speech(shelf.tokenizer.decode, offered.stop_ids, (), offered.opening)
    drawn = NativeEngine(shelf.model).generate([request])[0].ids
    return "".join(speech.add(token) for token in drawn) + speech.end()


def refused(client: OpenAI, kind: type[openai.APIStatusError], **fields: Any) -> openai.APIStatusError:
    with pytest.raises(kind) as caught:
        ask(client, **fields)
    return caught.value


@both
@pytest.mark.parametrize("model", ["sft", "ppo", "base"])
def test_model(client: OpenAI, shelf: Shelf, model: str, stream: bool) -> None:
    heard = ask(client, stream, model)
    assert heard.text == alone(shelf, model) and heard.text
    assert len({alone(shelf, each) for each in ("sft", "ppo", "base")}) == 3
    assert heard.reasons[0] in ("stop", "length")


def test_models(client: OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}
    assert set(found) == {"base", "sft", "ppo", "reward"}
    kinds = {id: model.model_extra["kind"] for id, model in found.items() if model.model_extra}
    assert kinds == {"base": "chat", "sft": "chat", "ppo": "chat", "reward": "reward"}
    assert client.models.retrieve("ppo").model_extra["default"]  # type: ignore[index]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


def test_a_model_that_is_not_there(client: OpenAI) -> None:
    problem = refused(client, openai.NotFoundError, model="gpt-4")
    assert (problem.code, problem.param, problem.type) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )


def test_a_reward_model_does_not_write(client: OpenAI) -> None:
    assert refused(client, openai.BadRequestError, model="reward").code == "model_does_not_write"


def test_chunks_have_their_full_shape(client: OpenAI) -> None:
    chunks = ask(client, stream=True).chunks
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices for chunk in chunks[-1:]] == [[]], "the usage alone"
    assert all(chunk.usage is None for chunk in chunks[:-1])


@both
def test_usage(client: OpenAI, shelf: Shelf, stream: bool) -> None:
    usage = ask(client, stream, ignore_end := "sft", max_tokens=5, n=2).usage
    asked = [Message(role="user", content=QUESTION[0]["content"])]
    prompt = len(prompt_ids(asked, shelf.offered[ignore_end].template, shelf.tokenizer))
    assert usage.prompt_tokens == prompt and 2 <= usage.completion_tokens <= 10
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@both
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_max_tokens(client: OpenAI, field: str, stream: bool) -> None:
    whole = ask(client, model="sft")
    heard = ask(client, stream, model="sft", **{"max_tokens": None, field: 4})
    assert heard.reasons == {0: "length"} and heard.usage.completion_tokens == 4
    assert whole.text.startswith(heard.text)


@both
def test_seed(client: OpenAI, stream: bool) -> None:
    same = [ask(client, stream, temperature=1.5, seed=7).text for _ in range(2)]
    assert same[0] == same[1]
    assert len({ask(client, temperature=1.5, seed=seed).text for seed in range(4)}) == 4
    assert len({ask(client, temperature=1.5).text for _ in range(4)}) == 4, "without one each is new"


@both
def test_n(client: OpenAI, stream: bool) -> None:
    heard = ask(client, stream, temperature=1.5, seed=3, n=3)
    assert set(heard.texts) == set(heard.reasons) == {0, 1, 2} and len(set(heard.texts.values())) == 3
    assert heard.texts == ask(client, not stream, temperature=1.5, seed=3, n=3).texts


@both
def test_stop(client: OpenAI, shelf: Shelf, stream: bool) -> None:
    whole = ask(client, model="sft").text
    place = len(whole) // 2
    string = whole[place : place + 2]
    for stop in (string, ["없는 말", string]):
        heard = ask(client, stream, model="sft", stop=stop)
        assert heard.text == whole[: whole.index(string)] and heard.reasons == {0: "stop"}


@both
def test_logprobs(client: OpenAI, stream: bool) -> None:
    heard = ask(client, stream, logprobs=True, top_logprobs=3)
    content = heard.logprobs[0]
    assert 0 < len(content) <= heard.usage.completion_tokens
    for entry in content:
        assert len(entry.top_logprobs) == 3 and entry.logprob <= 0
        assert entry.top_logprobs[0].token == entry.token, "greedy takes the likeliest"
    spelled = b"".join(bytes(entry.bytes or ()) for entry in content)
    # a run of bytes that is no text is left out of it, and still told here
    assert all(word in spelled.decode("utf-8", "ignore") for word in heard.text.split()[-1:])
    assert ask(client, stream).logprobs == {}


@both
def test_temperature_and_top_p(client: OpenAI, stream: bool) -> None:
    greedy = ask(client, stream).text
    assert ask(client, stream, temperature=1.5, top_p=0.0, seed=1).text == greedy
    assert ask(client, stream, temperature=1.5, extra_body={"top_k": 1}, seed=1).text == greedy
    assert ask(client, stream, extra_body={"repetition_penalty": 1.5}).text != greedy


@both
@pytest.mark.parametrize(
    "fields",
    [
        {"presence_penalty": 0, "frequency_penalty": 0},
        {"logit_bias": {}},
        {"user": "someone"},
        {"response_format": {"type": "text"}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION[0]["content"]}]}]},
    ],
    ids=str,
)
def test_fields_that_change_nothing(client: OpenAI, fields: dict[str, Any], stream: bool) -> None:
    assert ask(client, stream, **fields).text == ask(client).text


@pytest.mark.parametrize(
    "fields",
    [
        {"presence_penalty": 0.5},
        {"frequency_penalty": -1},
        {"logit_bias": {"5": 10}},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"extra_body": {"best_of": 3}},
    ],
    ids=str,
)
def test_what_is_not_supported_is_refused(client: OpenAI, fields: dict[str, Any]) -> None:
    problem = refused(client, openai.BadRequestError, **fields)
    assert problem.type == "invalid_request_error" and problem.param


def test_a_conversation_takes_its_system_message_along(client: OpenAI) -> None:
    history = [*QUESTION, {"role": "assistant", "content": "좋아요!"}, {"role": "user", "content": "그래요?"}]
    assert ask(client, messages=history).text != ask(client).text
    told = [{"role": "system", "content": "짧게"}, *QUESTION]
    renamed = [{"role": "developer", "content": "짧게"}, *QUESTION]
    assert ask(client, messages=told).text == ask(client, messages=renamed).text


def test_roles_in_an_order_that_the_template_does_not_know(client: OpenAI) -> None:
    problem = refused(client, openai.BadRequestError, messages=[*QUESTION, *QUESTION])
    assert "user" in problem.message
    answered = [*QUESTION, {"role": "assistant", "content": "좋아요"}]
    assert refused(client, openai.BadRequestError, messages=answered).status_code == 400


def test_a_prompt_longer_than_the_context(client: OpenAI) -> None:
    long = [{"role": "user", "content": "김치찌개 " * 400}]
    problem = refused(client, openai.BadRequestError, messages=long)
    assert problem.code == "context_length_exceeded" and "256" in problem.message


@both
def test_completions(client: OpenAI, stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": "sft",
        "prompt": ["안녕", "오늘"],
        "max_tokens": 6,
        "temperature": 0,
        "n": 2,
    }
    answer = client.completions.create(**asked, echo=True, stream=stream)
    texts: dict[int, str] = {}
    for part in answer if stream else [answer]:
        for choice in part.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
    assert set(texts) == {0, 1, 2, 3}
    assert texts[0] == texts[1] and texts[0].startswith("안녕") and len(texts[0]) > 2
    assert texts[2] == texts[3] and texts[2].startswith("오늘")
    plain = client.completions.create(**asked)
    assert [f"안녕{plain.choices[0].text}", f"오늘{plain.choices[2].text}"] == [texts[0], texts[2]]


def test_completions_take_tokens(client: OpenAI, shelf: Shelf) -> None:
    asked: dict[str, Any] = {"model": "sft", "max_tokens": 6, "temperature": 0}
    said = client.completions.create(prompt="안녕", **asked).choices[0].text
    ids = prompt_ids([Message(role="user", content="안녕")], shelf.offered["sft"].template, shelf.tokenizer)
    assert ids, "koalpaca's words around it: other tokens, so another answer"
    plain = shelf.tokenizer.encode("안녕")
    assert client.completions.create(prompt=plain, **asked).choices[0].text == said
    assert client.completions.create(prompt=[plain], **asked).choices[0].text == said
    with pytest.raises(openai.BadRequestError):
        client.completions.create(prompt=[999_999], **asked)


def test_completions_with_logprobs_of_the_prompt(client: OpenAI, shelf: Shelf) -> None:
    asked: dict[str, Any] = {"model": "sft", "prompt": "좋아요! 같이", "temperature": 0, "logprobs": 2}
    one = client.completions.create(**asked, max_tokens=3, echo=True).choices[0]
    other = client.completions.create(**asked, max_tokens=3).choices[0]
    only = client.completions.create(**asked, max_tokens=0, echo=True)
    count = len(shelf.tokenizer.encode("좋아요! 같이"))
    assert only.choices[0].text == "좋아요! 같이" and only.usage.completion_tokens == 0  # type: ignore[union-attr]
    assert one.logprobs.token_logprobs[:count] == pytest.approx(  # type: ignore[union-attr, index]
        only.choices[0].logprobs.token_logprobs,
        nan_ok=True,  # type: ignore[union-attr]
    )
    assert one.logprobs.token_logprobs[0] is None  # type: ignore[union-attr, index]
    drawn = one.logprobs.token_logprobs[count:]  # type: ignore[union-attr, index]
    assert drawn == pytest.approx(other.logprobs.token_logprobs, abs=1e-4)  # type: ignore[union-attr]
    places = one.logprobs.text_offset  # type: ignore[union-attr]
    assert places == sorted(places) and places[0] == 0  # type: ignore[type-var, arg-type]


def test_score(running: Running) -> None:
    import httpx

    asked = {"model": "reward", "messages": QUESTION, "responses": ["좋아요!", "싫어요", "좋아요!"]}
    told = httpx.post(f"{running.url}/v1/score", json=asked).json()
    scores = [each["score"] for each in told["data"]]
    assert scores[0] == pytest.approx(scores[2], abs=1e-5) and scores[0] != pytest.approx(scores[1], abs=1e-4)
    assert told["data"][0]["normalised"] == pytest.approx(scores[0] - 0.5)
    refusal = httpx.post(f"{running.url}/v1/score", json={**asked, "model": "sft"})
    assert refusal.status_code == 400 and refusal.json()["error"]["code"] == "model_does_not_score"


def test_tokenize(running: Running, shelf: Shelf) -> None:
    import httpx

    def asked(**fields: Any) -> httpx.Response:
        return httpx.post(f"{running.url}/tokenize", json={"model": "sft", **fields})

    assert asked(prompt="안녕하세요").json()["tokens"] == shelf.tokenizer.encode("안녕하세요")
    messages = [Message(role="user", content=QUESTION[0]["content"])]
    expected = prompt_ids(messages, shelf.offered["sft"].template, shelf.tokenizer)
    assert asked(messages=QUESTION).json() == {
        "tokens": expected,
        "count": len(expected),
        "max_model_len": 256,
    }
    spelled = asked(prompt="<|endoftext|>").json()["tokens"]
    assert shelf.tokenizer.eos_id not in spelled, "what is spelled out is text"
    assert asked().status_code == asked(prompt="a", messages=QUESTION).status_code == 400
