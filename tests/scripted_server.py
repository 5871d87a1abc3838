"""A service on this machine that plays OpenAI's API and DeepL's by a script, faults included.

    with scripted(Script(faults=[429, "reset", None])) as server:
        settings = server.settings(price_in=1.0, price_out=2.0)

`faults` are used up one per request, in the order of arrival; then all is well. `reply` is the tiny model
behind it: a function from the messages to the text of the reply. `server.calls` is what arrived, and
`server.tokens` what a real service would have charged. By hand, and in a process of its own:

    python tests/scripted_server.py 0.2     # seconds of latency; says its address, serves until stdin ends
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dajeong.remote.settings import DeeplSettings, ServiceSettings

Messages = list[dict[str, str]]
Reply = Callable[[Messages], "str | Written"]


@dataclass
class Written:
    """A reply with more than its text."""

    text: str | None
    finish: str = "stop"
    refusal: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None
    """Overrides what is counted; {} leaves it out."""
    logprobs: Any = None


@dataclass
class Answer:
    """A whole HTTP answer, as it stands."""

    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)


Fault = None | int | str | Answer
"""None: all is well. A number: that status with an error. A word: one of `Handler.WORDS`. Or the answer."""


def error(status: int, code: str = "", message: str = "no", **headers: str) -> Answer:
    """An error as OpenAI writes it; `retry_after="2"` becomes the header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"message": message, "type": code, "code": code, "param": None}}, named)


def echo(messages: Messages) -> str:
    return "네: " + messages[-1]["content"]


@dataclass
class Script:
    """What the server does. May be changed between requests."""

    reply: Reply = echo
    faults: Sequence[Fault] = ()
    fault_of: Callable[[int, dict[str, Any]], Fault] | None = None
    """In place of `faults`: (number of the request, its body) → fault."""
    latency_s: float = 0.0
    key: str | None = None
    """The key that requests must bring; None takes all."""
    model: str | None = None
    """What it calls itself; None says the name that was asked for."""
    translate: Callable[[str], str] = "번역: {}".format
    characters_left: int | None = None
    """What DeepL still translates before it answers 456."""


@dataclass
class Call:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    fault: Fault
    began: float
    ended: float = 0.0
    charged: bool = False
    """Whether a real service would have taken money for it."""


class Server:
    """The running server: what a test asks about it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.tokens = {"prompt": 0, "completion": 0}
        self.characters = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def charged(self) -> list[Call]:
        return [call for call in self.calls if call.charged]

    def settings(self, **more: Any) -> ServiceSettings:
        """Settings of a client of this server; the name of its model is `scripted`."""
        given = {"model": "scripted", "base_url": f"{self.url}/v1", "read_seconds": 5.0} | more
        return ServiceSettings(**given)

    def deepl_settings(self, **more: Any) -> DeeplSettings:
        return DeeplSettings(**({"base_url": self.url, "read_seconds": 5.0} | more))

    def dollars(self, price_in: float, price_out: float) -> float:
        """What everything charged costs at these prices per million tokens."""
        return (self.tokens["prompt"] * price_in + self.tokens["completion"] * price_out) / 1e6

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextlib.contextmanager
def scripted(script: Script | None = None) -> Iterator[Server]:
    server = Server(script or Script())
    try:
        yield server
    finally:
        server.close()


class _Http(ThreadingHTTPServer):
    owner: Server
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the script."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else head and body, written apart, come 40 ms apart
    WORDS = ("reset", "late-reset", "silent", "half", "drip", "empty", "html", "cut-json", "huge", "no-usage")

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        owner: Server = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        call = self._arrived(owner, body)
        try:
            self._answered(owner, call)
        finally:
            call.ended = time.monotonic()
            with owner.lock:
                owner.at_once -= 1

    def _arrived(self, owner: Server, body: dict[str, Any]) -> Call:
        script = owner.script
        headers = {name.lower(): value for name, value in self.headers.items()}
        with owner.lock:
            number = len(owner.calls)
            if script.fault_of is not None:
                fault = script.fault_of(number, body)
            else:
                fault = script.faults[number] if number < len(script.faults) else None
            call = Call(self.path, headers, body, fault, time.monotonic())
            owner.calls.append(call)
            owner.at_once += 1
            owner.most_at_once = max(owner.most_at_once, owner.at_once)
        return call

    def _answered(self, owner: Server, call: Call) -> None:
        script = owner.script
        if script.latency_s:
            time.sleep(script.latency_s)
        told = call.headers.get("authorization", "")
        if script.key is not None and script.key not in told.split(" "):
            self._send(error(401, "invalid_api_key", f"Incorrect API key provided: {told}"))
        elif isinstance(call.fault, int):
            self._send(error(call.fault))
        elif isinstance(call.fault, Answer):
            self._send(call.fault)
        elif call.fault == "reset":
            self._reset()
        elif call.fault == "silent":
            time.sleep(0.5)
            self._reset()
        elif call.fault in ("empty", "html", "huge"):
            self._send_spoiled(call.fault)
        else:
            self._send_worked(owner, call)

    def _send_worked(self, owner: Server, call: Call) -> None:
        """The model has worked, and is paid, whatever becomes of the answer."""
        answer = self._translated(owner, call) if "text" in call.body else self._written(owner, call)
        whole = json.dumps(answer.body, ensure_ascii=False).encode("utf-8")
        if call.fault == "late-reset":
            self._reset()
        elif call.fault == "half":
            self._head(200, len(whole), {})
            self.wfile.write(whole[: len(whole) // 2])
            self._reset()
        elif call.fault == "drip":
            self._head(200, len(whole), {})
            for byte in whole:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        elif call.fault == "cut-json":
            self._send(Answer(200, whole[: len(whole) // 2]))
        else:
            self._send(answer)

    def _written(self, owner: Server, call: Call) -> Answer:
        messages = call.body.get("messages") or [{"role": "user", "content": call.body["prompt"]}]
        written = owner.script.reply(messages)
        written = written if isinstance(written, Written) else Written(written)
        prompt = sum(len(message["content"]) for message in messages) + 4 * len(messages)
        longest = call.body.get("max_tokens") or call.body.get("max_completion_tokens") or 10**9
        usage = {"prompt_tokens": prompt, "completion_tokens": min(longest, max(1, len(written.text or "")))}
        usage = usage if written.usage is None else written.usage
        with owner.lock:
            owner.tokens["prompt"] += usage.get("prompt_tokens", 0)
            owner.tokens["completion"] += usage.get("completion_tokens", 0)
            call.charged = True
        chat = "messages" in call.body
        choice: dict[str, Any] = {"index": 0, "finish_reason": written.finish, "logprobs": written.logprobs}
        if chat:
            choice["message"] = {"role": "assistant", "content": written.text, "refusal": written.refusal}
        else:
            choice["text"] = written.text
        return Answer(
            200,
            {
                "id": "scripted-1",
                "object": "chat.completion" if chat else "text_completion",
                "created": 1_700_000_000,
                "model": written.model or owner.script.model or call.body["model"],
                "system_fingerprint": "fp_scripted",
                "choices": [choice],
                "usage": None if call.fault == "no-usage" or not usage else usage,
            },
        )

    def _translated(self, owner: Server, call: Call) -> Answer:
        texts = call.body["text"]
        if len(texts) > 50 or int(call.headers["content-length"]) > 128 * 1024:
            return Answer(413, {"message": "Request Entity Too Large"})
        wanted = sum(map(len, texts))
        with owner.lock:
            left = owner.script.characters_left
            if left is not None and owner.characters + wanted > left:
                return Answer(456, {"message": "Quota exceeded"})
            owner.characters += wanted
            call.charged = True
        done = [
            {
                "detected_source_language": "EN",
                "text": owner.script.translate(text),
                "billed_characters": len(text),
            }
            for text in texts
        ]
        return Answer(200, {"translations": done})

    def _send_spoiled(self, fault: str) -> None:
        if fault == "empty":
            self._send(Answer(200, b""))
        elif fault == "html":
            self._send(Answer(200, b"<!doctype html><title>502</title>", {"content-type": "text/html"}))
        else:
            self._huge(50 * 2**20)

    def _huge(self, size: int) -> None:
        """A body without an announced length: who reads it must count."""
        self._head(200, None, {"transfer-encoding": "chunked"})
        piece = b" " * 65536
        for _ in range(size // len(piece)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, answer: Answer) -> None:
        body = answer.body
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode("utf-8")
        self._head(answer.status, len(body), answer.headers)
        self.wfile.write(body)

    def _head(self, status: int, length: int | None, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | headers).items():
            self.send_header(name, value)
        if length is not None and "content-length" not in headers:
            self.send_header("content-length", str(length))
        self.end_headers()

    def _reset(self) -> None:
        """Hang up without a word: the other side sees a reset."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


if __name__ == "__main__":
    with scripted(Script(latency_s=float(sys.argv[1]) if sys.argv[1:] else 0.0)) as here:
        print(here.url, flush=True)
        sys.stdin.read()
