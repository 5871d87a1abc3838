"""Requests to a service, all answers in the order of the requests, and a bar that tells what they cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dajeong.progress import Bar
from dajeong.records import Decoding, Message
from dajeong.remote.client import Client
from dajeong.remote.json_text import json_in
from dajeong.remote.request import Answer, Failure, Request
from dajeong.remote.settings import ServiceSettings

Found: TypeAlias = Answer | Failure
CACHE = "remote.sqlite"
"""The run's file of kept answers, shared by its steps."""
_THOUGHTS = re.compile(r"\A.*</think(?:ing)?>\s*|\A\s*<think(?:ing)?>.*", re.DOTALL)
"""What some models write before they answer; one without an end was cut before the answer."""


def estimator(service: ServiceSettings, run: Path) -> Client:
    """A client that only estimates: it looks at kept answers, and makes no file where there is none."""
    cache = run / CACHE
    return Client(service, cache if cache.is_file() else None)


def answered(client: Client, requests: Sequence[Request], bar: Bar, steps: int = 0) -> list[Found]:
    """Without the thoughts before them. The bar moves by `steps` with each; its note is what was spent."""
    found: dict[int, Found] = {}
    for index, answer in client.stream(requests):
        found[index] = _without_thoughts(answer) if isinstance(answer, Answer) else answer
        bar.advance(steps, note=client.note())
    return [found[index] for index in range(len(requests))]


def _without_thoughts(answer: Answer) -> Answer:
    return answer.model_copy(update={"text": _THOUGHTS.sub("", answer.text)})


def request(
    service: ServiceSettings,
    system: str,
    text: str,
    decoding: Decoding,
    sample: int = 0,
    as_json: bool = True,
) -> Request:
    """A system text and a user's; one text, and no promise of JSON, where the service takes no messages.

    `sample` keeps two requests of equal wording apart.
    """
    said: tuple[Message, ...] = (Message(role="system", content=system), Message(role="user", content=text))
    is_chat = service.api == "chat"
    if not is_chat:
        said = (Message(role="user", content=f"{system}\n\n{text}\n\n"),)
    return Request(messages=said, decoding=decoding, sample=sample, as_json=as_json and is_chat)


def object_in(answer: Answer) -> dict[str, Any]:
    """The JSON object of a reply; an empty one where there is none."""
    found = json_in(answer.text)
    return found if isinstance(found, dict) else {}
