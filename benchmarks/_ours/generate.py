"""Greedy replies of equal length by our own engine.

argv: folder of the material. Answers: batch size → seconds and the tokens written.
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
    settings, prompts = read(folder, "settings"), read(folder, "prompts")
    torch.set_num_threads(settings["threads"])
    engine = NativeEngine(base_of(folder, thrifty=False))
    decoding = Decoding(temperature=0, max_new_tokens=settings["generate"]["new"])

    def timed(first: int, last: int | None) -> dict[str, Any]:
        return {size: written(engine, calls[first:last], decoding) for size, calls in prompts.items()}

    serve(lambda: timed(0, 1), lambda: timed(1, None))


def written(engine: NativeEngine, calls: list[list[list[int]]], decoding: Decoding) -> dict[str, Any]:
    requests = [[Request(tuple(ids), 0, decoding, None, frozenset()) for ids in call] for call in calls]
    clock = Clock()
    clock.start()
    found = [engine.generate(call) for call in requests]
    clock.stop()
    tokens = [[list(completion.ids) for completion in call] for call in found]
    return {**clock.seconds(), "tokens": tokens}


main()
