"""Rows S01 to S11 of the fault matrix: clients that leave, flood, lie and break; engines that fail; ends."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from small_server import QUESTION, Running, Scripted, raw, serving, wait_for

from dajeong.errors import EnvironmentProblem
from dajeong.serving.listening import listen
from dajeong.serving.server import serve
from dajeong.serving.settings import ServeSettings
from dajeong.serving.shelf import Shelf, load_shelf

BODY: dict[str, Any] = {"model": "ppo", "messages": QUESTION, "temperature": 0, "max_tokens": 20}
CHAT = "/v1/chat/completions"


def post(running: Running, body: Any = None, **options: Any) -> httpx.Response:
    sent = {"json": BODY if body is None else body} if "content" not in options else {}
    return httpx.post(f"{running.url}{CHAT}", timeout=30, **sent, **options)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error object, which is always whole."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"] and error["type"]
    return dict(error)


def request(port: int, **fields: Any) -> bytes:
    body = json.dumps({**BODY, **fields}).encode("utf-8")
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


def events(text: str) -> list[Any]:
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def said(found: Sequence[Any]) -> str:
    return "".join(choice["delta"].get("content", "") for part in found for choice in part["choices"])


# --- S01


def ask_or_leave(running: Running, number: int, *, stays: bool = False) -> tuple[int, str | None]:
    """One question of its own; every third client leaves in the middle, unless it `stays`."""
    draw = random.Random(number)
    question = [{"role": "user", "content": f"{number % 8} 김치찌개 " + "어때요? " * (number % 5)}]
    body = {**BODY, "messages": question, "model": ("ppo", "sft", "base")[number % 3], "stream": True}
    told = ""
    with httpx.stream("POST", f"{running.url}{CHAT}", json=body, timeout=60) as answer:
        for count, piece in enumerate(answer.iter_text()):
            told += piece
            if number % 3 == 1 and count == draw.randrange(3) and not stays:
                return number, None
    return number, said(events(told))


def test_s01_many_clients_of_which_some_leave(small_served_run: Path) -> None:
    """No answer is lost or mixed up: each is what the same client gets alone; memory comes back."""
    with serving(lambda: load_shelf(str(small_served_run)), max_rows=12) as running:
        alone = dict(ask_or_leave(running, number, stays=True) for number in range(24))
        memory = []
        for _ in range(2):
            with ThreadPoolExecutor(16) as clients:
                found = list(clients.map(partial(ask_or_leave, running), [*range(24), *range(24)]))
            running.idle()
            memory.append(psutil.Process().memory_info().rss)
            assert [pair for pair in found if pair[1] is not None and pair[1] != alone[pair[0]]] == []
            assert sum(text is not None for _, text in found) >= 32 and any(alone.values())
        assert memory[1] - memory[0] < 30e6, "the clients' own memory is in it"


# --- S02


@pytest.mark.parametrize("when", ["before the first token", "in the middle", "a half-open socket"])
@pytest.mark.parametrize("stream", [True, False])
def test_s02_a_client_that_leaves_frees_its_row_within_a_token(shelf: Shelf, when: str, stream: bool) -> None:
    engine = Scripted(shelf.tokenizer.encode("좋아요! "))
    engine.most_steps = 3
    if when == "before the first token":
        engine.may_go.clear()
    with serving(lambda: shelf, engine=engine) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as connection:
            connection.sendall(request(running.port, stream=stream, max_tokens=250))
            wait_for(lambda: len(engine.said) == 1)
            if engine.may_go.is_set():
                wait_for(lambda: engine.steps == 3)
            if when == "a half-open socket":
                connection.shutdown(socket.SHUT_WR)
                wait_for(lambda: engine.cancelled == [0])
        wait_for(lambda: engine.cancelled == [0] and not engine.said, 1)
        drawn, more = engine.steps, 250
        engine.most_steps = 1000
        engine.may_go.set()
        assert post(running).status_code == 200
        assert engine.steps - drawn <= BODY["max_tokens"] + 1 < more
        assert "dajeong_cancelled_total 1" in httpx.get(f"{running.url}/metrics").text


def test_s02_a_slow_reader_holds_nobody_up(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(request(running.port, stream=True, n=16, max_tokens=100))
        answer = post(running)
        assert answer.status_code == 200
        running.idle()  # its rows are done, though nobody has read them
        told = b""
        while b"[DONE]" not in told:
            told += connection.recv(65536)


# --- S03

TOO_MUCH: dict[str, dict[str, Any]] = {
    "a prompt that is too long": {"messages": [{"role": "user", "content": "가" * 300_000}]},
    "10,000 messages": {"messages": [{"role": "user", "content": "가"}] * 10_000},
    "n of a million": {"n": 1_000_000},
    "max_tokens of a billion": {"max_tokens": 1_000_000_000},
    "negative max_tokens": {"max_tokens": -3},
    "more max_tokens than the context": {"max_tokens": 1000},
    "1,000 stop strings": {"stop": [str(number) for number in range(1000)]},
    "a stop string of nothing": {"stop": ""},
    "top_logprobs of a million": {"logprobs": True, "top_logprobs": 1_000_000},
    "a seed beyond 64 bits": {"seed": 1 << 70},
    "temperature of 1e308": {"temperature": 1e308},
    "a huge logit_bias": {"logit_bias": {str(number): 1 for number in range(5000)}},
}


@pytest.mark.parametrize("fields", TOO_MUCH.values(), ids=TOO_MUCH)
def test_s03_what_is_too_much_is_refused_at_once(running: Running, fields: dict[str, Any]) -> None:
    began = time.process_time()
    answer = post(running, {**BODY, **fields})
    assert answer.status_code in (400, 413) and error_of(answer)["code"]
    assert time.process_time() - began < 1
    assert running.service.station.num_running == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_s03_a_body_of_50_megabytes(running: Running, chunked: bool) -> None:
    memory = psutil.Process().memory_info().rss
    piece = b" " * (1 << 20)
    content: Any = (piece for _ in range(50)) if chunked else piece * 50
    answer = post(running, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413 and error_of(answer)["code"] == "request_too_large"
    assert psutil.Process().memory_info().rss - memory < 120e6, "the client's own copy, not the server's"


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"a":' * 100_000, '{"model":' + "[" * 5000 + "]" * 5000 + "}"]
)
def test_s03_a_depth_bomb(running: Running, body: str) -> None:
    answer = post(running, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and error_of(answer)


# --- S04

JSON_TYPE = {"content-type": "application/json"}
WRONG: dict[str, tuple[bytes, dict[str, str]]] = {
    "an unknown field": (json.dumps({**BODY, "best": 1}).encode(), JSON_TYPE),
    "a number as text": (json.dumps({**BODY, "max_tokens": "5"}).encode(), JSON_TYPE),
    "a truth as number": (json.dumps({**BODY, "n": True}).encode(), JSON_TYPE),
    "no messages": (json.dumps({**BODY, "messages": []}).encode(), JSON_TYPE),
    "a role that is not there": (
        json.dumps({**BODY, "messages": [{"role": "x", "content": ""}]}).encode(),
        JSON_TYPE,
    ),
    "NaN": (json.dumps({**BODY, "temperature": float("nan")}).encode(), JSON_TYPE),
    "half a surrogate": (b'{"model":"ppo","messages":[{"role":"user","content":"\\ud83d"}]}', JSON_TYPE),
    "bad UTF-8": (b'{"model":"\xff\xfe"}', JSON_TYPE),
    "no JSON": (b"model=ppo", JSON_TYPE),
    "nothing": (b"", JSON_TYPE),
    "a list": (b"[1, 2]", JSON_TYPE),
    "another content type": (json.dumps(BODY).encode(), {"content-type": "text/plain"}),
    "a form": (b"model=ppo", {"content-type": "application/x-www-form-urlencoded"}),
    "no content type": (json.dumps(BODY).encode(), {}),
}


@pytest.mark.parametrize(("content", "headers"), WRONG.values(), ids=WRONG)
def test_s04_what_is_wrong_gets_an_error_object(
    running: Running, content: bytes, headers: dict[str, str]
) -> None:
    answer = post(running, content=content, headers=headers)
    assert answer.status_code == 400 and error_of(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", CHAT, 405), ("POST", "/v1/nothing", 404), ("PUT", "/nowhere", 404)]
)
def test_s04_what_is_not_there_gets_an_error_object(
    running: Running, method: str, path: str, status: int
) -> None:
    answer = httpx.request(method, f"{running.url}{path}")
    assert answer.status_code == status and error_of(answer)


def test_s04_http_1_0(running: Running) -> None:
    head = f"GET /v1/models HTTP/1.0\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode()
    assert b" 200 " in raw(running.port, head).split(b"\r\n")[0]
    answer = raw(running.port, b"GET /v1/models HTTP/1.0\r\n\r\n")
    assert b" 403 " in answer.split(b"\r\n")[0] and b'"host_not_allowed"' in answer


# --- S05

TEXTS = ("김치찌개 좋아요!", "가👩‍👩‍👧나🏳️‍🌈다", "\u1112\u1161\u11ab글 e\u0301 ⛄뷁")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_s05_never_a_broken_character(shelf: Shelf, text: str, cut: int) -> None:
    """The end may come in the middle of a character."""
    tokens = shelf.tokenizer.encode(text)
    tokens = [*(tokens[:-cut] if cut else tokens), shelf.tokenizer.eos_id]
    with serving(lambda: shelf, engine=Scripted(tokens)) as running:
        body = {**BODY, "max_tokens": 200}
        streamed = post(running, {**body, "stream": True})
        pieces = [
            choice["delta"].get("content", "") for part in events(streamed.text) for choice in part["choices"]
        ]
        assert not any("\ufffd" in piece for piece in pieces)
        whole = post(running, body).json()["choices"][0]["message"]["content"]
        assert "".join(pieces) == whole and text.startswith(whole)
        assert cut or whole == text


@pytest.mark.parametrize("stop", ["찌개 좋", "치찌", "!", "👩‍👩‍👧", "\u200d👩", "🏳"])
def test_s05_stop_strings_across_tokens_and_characters(shelf: Shelf, stop: str) -> None:
    text = "김치찌개 좋아요! 가👩‍👩‍👧나🏳️‍🌈다"
    engine = Scripted([*shelf.tokenizer.encode(text), shelf.tokenizer.eos_id])
    with serving(lambda: shelf, engine=engine) as running:
        body = {**BODY, "max_tokens": 200, "stop": [stop, "없는 말"]}
        whole = post(running, body).json()["choices"][0]
        streamed = events(post(running, {**body, "stream": True}).text)
        assert whole["message"]["content"] == said(streamed) == text[: text.index(stop)]
        assert whole["finish_reason"] == streamed[-1]["choices"][0]["finish_reason"] == "stop"
        assert engine.cancelled == [0, 1], "nothing more is drawn"


# --- S06: seed, logprobs, n and stream_options have their tests in test_openai_client.py


@pytest.mark.parametrize(
    "fields", [{"logit_bias": {"5": 1}}, {"stream_options": {"include_usage": True}}, {"top_logprobs": 2}]
)
def test_s06_never_ignored(running: Running, fields: dict[str, Any]) -> None:
    assert error_of(post(running, {**BODY, **fields}))["param"] in fields


# --- S07


@pytest.mark.parametrize("stream", [False, True])
def test_s07_a_failing_step_fails_its_requests_and_no_others(shelf: Shelf, stream: bool) -> None:
    engine = Scripted([*shelf.tokenizer.encode("좋아요"), shelf.tokenizer.eos_id])
    engine.fails = MemoryError("no room")
    with serving(lambda: shelf, engine=engine) as running:
        answer = post(running, {**BODY, "stream": stream})
        assert answer.status_code == 503 and error_of(answer)["code"] == "engine_failed"
        assert post(running, {**BODY, "stream": stream}).status_code == 200
        assert "dajeong_failed_total 1" in httpx.get(f"{running.url}/metrics").text


def test_s07_a_stream_that_breaks_off_says_so(shelf: Shelf) -> None:
    engine = Scripted(shelf.tokenizer.encode("좋아요! "))
    engine.most_steps = 3
    with serving(lambda: shelf, engine=engine) as running, running.client() as client:
        chunks = client.chat.completions.create(model="ppo", messages=QUESTION, max_tokens=250, stream=True)  # type: ignore[arg-type]
        next(iter(chunks))
        wait_for(lambda: engine.steps == 3)
        engine.fails = RuntimeError("out of memory")
        with pytest.raises(openai.APIError) as caught:
            list(chunks)
        assert caught.value.code == "engine_failed"


def test_s07_an_engine_that_always_fails_ends_the_server(shelf: Shelf) -> None:
    class Broken(Scripted):
        def step(self) -> list[Any]:
            if self.said:
                raise RuntimeError("gone")
            return []

    with pytest.raises(AssertionError), serving(lambda: shelf, engine=Broken([1])) as running:
        assert [post(running).status_code for _ in range(3)] == [503] * 3
        wait_for(lambda: running.service.station.given_up is not None)
        wait_for(lambda: not _listens(running.port))


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code > 0
    except httpx.HTTPError:
        return False


# --- S09


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil"}, 403),
        ({"host": "evil.example:8000"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "localhost:1", "origin": "http://localhost:1"}, 200),
        ({"host": "localhost:1", "origin": "http://localhost:2"}, 403),
    ],
    ids=str,
)
def test_s09_hosts_and_origins(running: Running, headers: dict[str, str], status: int) -> None:
    answer = httpx.get(f"{running.url}/v1/models", headers=headers)
    assert answer.status_code == status and (status == 200 or error_of(answer))
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_s09_no_preflight_is_answered(running: Running) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = httpx.options(f"{running.url}{CHAT}", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_s09_the_key(shelf: Shelf) -> None:
    with serving(lambda: shelf, key="비밀-canary") as running:
        for key, status in ((None, 401), ("wrong", 401), ("비밀-canar", 401), ("비밀-canary", 200)):
            headers = {} if key is None else {"authorization": f"Bearer {key}".encode()}
            for path in ("/v1/models", "/metrics", "/openapi.json"):
                answer = httpx.get(f"{running.url}{path}", headers=headers)  # type: ignore[arg-type]
                assert answer.status_code == status and "canary" not in answer.text
        assert httpx.get(f"{running.url}/health").status_code == 200
        assert httpx.get(f"{running.url}/nothing").status_code == 401


# --- S10, in this process


def test_s10_health_tells_when_the_model_is_there(shelf: Shelf) -> None:
    may_load = threading.Event()

    def load() -> Shelf:
        assert may_load.wait(30)
        return shelf

    with serving(load, ready=False) as running:
        assert httpx.get(f"{running.url}/health").status_code == 503
        answer = post(running)
        assert answer.status_code == 503 and error_of(answer)["code"] == "model_loading"
        assert answer.headers["retry-after"]
        may_load.set()
        wait_for(lambda: httpx.get(f"{running.url}/health").status_code == 200)
        assert post(running).status_code == 200


# --- S11


def test_s11_a_full_queue(shelf: Shelf) -> None:
    engine = Scripted([*shelf.tokenizer.encode("좋아요"), shelf.tokenizer.eos_id], slots=2)
    engine.may_go.clear()
    with serving(lambda: shelf, engine=engine, max_rows=2, max_waiting=2) as running:
        with ThreadPoolExecutor(4) as clients:
            waiting = [clients.submit(post, running) for _ in range(4)]
            wait_for(lambda: len(engine.said) == 4)
            answer = post(running)
            assert answer.status_code == 429 and error_of(answer)["code"] == "queue_full"
            assert answer.headers["retry-after"] == "1"
            engine.may_go.set()
            assert [each.result().status_code for each in waiting] == [200] * 4
        assert post(running).status_code == 200
        assert "dajeong_rejected_total 1" in httpx.get(f"{running.url}/metrics").text


def test_s11_a_deadline(shelf: Shelf) -> None:
    engine = Scripted([1])
    engine.may_go.clear()
    with serving(lambda: shelf, engine=engine, deadline_s=0.1) as running:
        answer = post(running)
        assert answer.status_code == 504 and error_of(answer)["code"] == "deadline_exceeded"
        wait_for(lambda: engine.cancelled == [0])
        assert "dajeong_cancelled_total 0" in httpx.get(f"{running.url}/metrics").text


# --- S08, S09, S10 of the command itself


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DAJEONG_SERVE_KEY"}
    return subprocess.Popen(
        [sys.executable, "-m", "dajeong", "serve", "--lang", "en", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, "OMP_NUM_THREADS": "1", **environment},
    )


def test_s08_sigterm_lets_streams_end(small_served_run: Path) -> None:
    """Replies that run get their last chunk with a finish_reason; who comes then is told so; it ends well."""
    process = command(str(small_served_run), "--port", "0")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    wait_for(lambda: httpx.get(f"{url}/health").status_code == 200, 60)
    body = {**BODY, "stream": True, "max_tokens": 200, "n": 4, "temperature": 1.5}
    with httpx.stream("POST", f"{url}{CHAT}", json=body, timeout=60) as answer:
        told = answer.iter_text()
        text = next(told)
        process.send_signal(signal.SIGTERM)
        text += "".join(told)
    reasons = [choice["finish_reason"] for part in events(text) for choice in part["choices"]]
    assert len([reason for reason in reasons if reason]) == 4
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in complaints


def test_s08_what_is_not_done_in_time_is_finished_as_it_is(shelf: Shelf) -> None:
    engine = Scripted(shelf.tokenizer.encode("좋아요! "))
    engine.most_steps = 3
    with serving(lambda: shelf, engine=engine, drain_s=0.2) as running:
        body = {**BODY, "stream": True, "max_tokens": 250}
        with httpx.stream("POST", f"{running.url}{CHAT}", json=body, timeout=60) as answer:
            told = answer.iter_text()
            text = next(told)
            running.service.drain()
            assert error_of(post(running))["code"] == "shutting_down"
            text += "".join(told)
        assert events(text)[-1]["choices"][0]["finish_reason"] == "length"


def test_s09_open_to_others_needs_a_key() -> None:
    process = command("anything", "--host", "0.0.0.0")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 2 and "DAJEONG_SERVE_KEY" in complaints


def test_s10_a_port_in_use(running: Running) -> None:
    process = command("anything", "--port", str(running.port))
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 4 and str(running.port) in complaints and "Traceback" not in complaints


def test_s10_a_model_that_is_not_there_ends_the_server(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        serve(ServeSettings(), listen("127.0.0.1", 0), lambda: load_shelf(str(tmp_path)))
    assert str(tmp_path) in str(caught.value)
