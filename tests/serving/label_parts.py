"""Invented items to be labelled, a desk for them, and a page that listens on a free port."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dajeong.records import Message, Preference, Response
from dajeong.serving.label_desk import Desk
from dajeong.serving.label_items import Item, merged, of_preference
from dajeong.serving.label_queue import Plan
from dajeong.serving.label_store import Store

KINDS = ("normal", "lookalike", "abusive")


def preference(number: int, num_responses: int = 2, kind: str = "", **fields: Any) -> Preference:
    """The first response is the best and the longest."""
    responses = [
        Response(
            content=f"{number}번 물음의 {place}번째 답이에요." + "!" * (num_responses - place), author=name
        )
        for place, name in enumerate(("ppo-7b", "sft-7b", "base", "curt", "rude")[:num_responses])
    ]
    return Preference(
        id=f"invented:{number}",
        source="invented",
        licence="CC0-1.0",
        kind=kind or KINDS[number % len(KINDS)],
        prompt=(Message(role="user", content=f"{number}번 물음"),),
        responses=tuple(responses),
        ranking=tuple((place,) for place in range(num_responses)),
        **fields,
    )


def items(num: int, num_responses: int = 2, **fields: Any) -> list[Item]:
    return merged(of_preference(preference(number, num_responses, **fields)) for number in range(num))


def new_id() -> str:
    return uuid.uuid4().hex


class Client:
    """What the page's script does, without a browser."""

    def __init__(self, port: int, annotator: str = "지우", headers: dict[str, str] | None = None) -> None:
        self.port, self.annotator, self.headers = port, annotator, headers or {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __del__(self) -> None:
        self._connection.close()

    def send(self, body: Any) -> None:
        """A vote whose answer nobody waits for."""
        self._connection.request(
            "POST", "/api/votes", json.dumps(body).encode(), {"content-type": "application/json"}
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {**self.headers, **headers}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("content-type", "application/json")
        self._connection.request(method, path, content, sent)
        answer = self._connection.getresponse()
        said = answer.read()
        self.answer_headers = dict(answer.getheaders())
        is_json = (answer.getheader("content-type") or "").startswith("application/json")
        return answer.status, json.loads(said) if is_json else said

    def items(
        self, want: int = 4, beside: Sequence[str] = (), disputed: bool = False
    ) -> list[dict[str, Any]]:
        asked = {"annotator": self.annotator, "want": want, "beside": list(beside), "disputed": disputed}
        status, answer = self.ask("POST", "/api/items", asked)
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["items"]
        return found

    def given(self, item: dict[str, Any], better: int = 0, **fields: Any) -> dict[str, Any]:
        """The body of a vote for the answer at place `better`."""
        return {
            "id": new_id(),
            "annotator": self.annotator,
            "item": item["id"],
            "stage": item["stage"],
            "verdict": "ranked",
            "ranking": [[better], [1 - better]],
            "want": 0,
            **fields,
        }

    def vote(self, item: dict[str, Any], better: int = 0, **fields: Any) -> dict[str, Any]:
        body = self.given(item, better, **fields)
        status, answer = self.ask("POST", "/api/votes", body)
        assert status == 200, answer
        return {**answer, "id": body["id"]}


def serve_folder(folder: Path, num: int, port: int, plan: dict[str, Any], ready: Any) -> None:
    """A page's process: opens the folder, listens, says so, and goes on until it is killed."""
    from dajeong.serving.label_api import label_app
    from dajeong.serving.label_server import guarded, serve
    from dajeong.serving.listening import listen

    desk = Desk(items(num), Plan(**plan), Store(folder))
    listener = listen("127.0.0.1", port)
    ready.send((listener.getsockname()[1], desk.healed, len(desk.votes.events)))
    serve(guarded(label_app(desk), "127.0.0.1", None), listener)


class Page:
    """A page in a process of its own, forked from one that has everything imported: it starts in no time."""

    def __init__(self, folder: Path, num: int, port: int = 0, **plan: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["label_parts", "uvicorn", "dajeong.serving.label_api"])
        heard, said = context.Pipe(duplex=False)
        self._process = context.Process(target=serve_folder, args=(folder, num, port, plan, said))
        self._process.start()
        said.close()
        assert heard.poll(60), "the page never listened"
        self.port, self.healed, self.num_events = heard.recv()
        heard.close()

    def kill(self) -> None:
        """SIGKILL: nothing is said goodbye to."""
        self._process.kill()
        self._process.join()


@contextlib.contextmanager
def page(folder: Path, num: int, port: int = 0, **plan: Any) -> Iterator[Page]:
    opened = Page(folder, num, port, **plan)
    try:
        yield opened
    finally:
        opened.kill()


@contextlib.contextmanager
def listening_page(desk: Desk, host: str = "127.0.0.1", key: str | None = None) -> Iterator[int]:
    """The page in a thread of this process, behind its guard; gives its port."""
    import uvicorn

    from dajeong.serving.label_api import label_app
    from dajeong.serving.label_server import guarded
    from dajeong.serving.listening import listen

    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        guarded(label_app(desk), host, key), lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        desk.close()


def desk_of(folder: Path, found: Sequence[Item], **plan: Any) -> Desk:
    return Desk(found, Plan(**{"repeats": 0, **plan}), Store(folder))
