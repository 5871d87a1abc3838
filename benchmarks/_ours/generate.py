"""Greedy replies of equal length by our own engine.

argv: folder of the material. Prints one JSON object: batch size → seconds and the tokens written.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXForCausalLM

from dajeong.models.roles import RoleModel
from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    prompts = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    torch.set_num_threads(settings["threads"])
    network = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    engine = NativeEngine(RoleModel(network))
    decoding = Decoding(temperature=0, max_new_tokens=settings["generate"]["new"])
    print(json.dumps({size: timed(engine, calls, decoding) for size, calls in prompts.items()}))


def timed(engine: NativeEngine, calls: list[list[list[int]]], decoding: Decoding) -> dict[str, Any]:
    requests = [[Request(tuple(ids), 0, decoding, None, frozenset()) for ids in call] for call in calls]
    engine.generate(requests[0])  # the warm-up
    cpu, wall = time.process_time(), time.perf_counter()
    written = [engine.generate(call) for call in requests[1:]]
    spent = time.process_time() - cpu, time.perf_counter() - wall
    tokens = [[list(completion.ids) for completion in call] for call in written]
    return {"cpu_seconds": spent[0], "wall_seconds": spent[1], "tokens": tokens}


main()
