"""Greedy replies by our own engine, each ending at a given length; a finished one makes room for the next.

argv: folder of the material. Answers: seconds, and every reply.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from common import Clock, base_of, read

from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from turns import serve


def main() -> None:
    folder = Path(sys.argv[1])
    settings, given = read(folder, "settings"), read(folder, "useful")
    torch.set_num_threads(settings["threads"])
    slots = settings["useful"]["slots"]
    engine = NativeEngine(base_of(folder, thrifty=False), max_slots=slots)
    serve(lambda: written(engine, given, slots), lambda: written(engine, given))


def written(engine: NativeEngine, given: dict[str, Any], most: int | None = None) -> dict[str, Any]:
    asked = list(zip(given["prompts"], given["lengths"], strict=True))[:most]
    requests = [
        Request(tuple(ids), 0, Decoding(temperature=0, max_new_tokens=length), None, frozenset())
        for ids, length in asked
    ]
    clock = Clock()
    clock.start()
    found = engine.generate(requests)
    clock.stop()
    return {**clock.seconds(), "tokens": [list(completion.ids) for completion in found]}


main()
