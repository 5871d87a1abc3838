"""Clients of a server of ours, as light as can be: sockets, a clock for each stream. Standard library."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

PATH = "/v1/completions"


class Heard(NamedTuple):
    """What one stream brought."""

    text: str
    tokens: int
    first_s: float
    """From sending to the first text."""
    complete: bool


def request(host: str, fields: dict[str, Any]) -> bytes:
    body = json.dumps(fields).encode("ascii")
    head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


async def stream(address: tuple[str, int], fields: dict[str, Any], leave_after: int | None = None) -> Heard:
    """Ask and listen; leave after so many bytes, if told so."""
    reader, writer = await asyncio.open_connection(*address)
    began = time.perf_counter()
    first = 0.0
    told = b""
    try:
        asked = {**fields, "stream": True, "stream_options": {"include_usage": True}}
        writer.write(request(f"{address[0]}:{address[1]}", asked))
        while piece := await reader.read(65536):
            told += piece
            if not first and b"data: " in told:
                first = time.perf_counter() - began
            if leave_after is not None and len(told) > leave_after:
                return Heard("", 0, first, False)
    finally:
        writer.close()
    return _read(told, first)


def _read(told: bytes, first: float) -> Heard:
    """Only now, when nothing is timed any more, are the events taken apart."""
    lines = [line[6:] for line in told.decode("ascii").splitlines() if line.startswith("data: ")]
    if not lines or lines[-1] != "[DONE]":
        raise RuntimeError(f"the stream broke off: {told[:300]!r}")
    events = [json.loads(line) for line in lines[:-1]]
    if any("error" in event for event in events):
        raise RuntimeError(f"the server failed: {lines[-2]}")
    text = "".join(choice["text"] for event in events for choice in event["choices"])
    return Heard(text, events[-1]["usage"]["completion_tokens"], first, True)


async def at_once(address: tuple[str, int], asked: Sequence[dict[str, Any]]) -> list[Heard]:
    return list(await asyncio.gather(*(stream(address, fields) for fields in asked)))


async def one_by_one(address: tuple[str, int], asked: Sequence[dict[str, Any]]) -> list[Heard]:
    return [await stream(address, fields) for fields in asked]
