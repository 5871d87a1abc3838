"""Greedy replies of equal length by transformers' `generate`.

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


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    prompts = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    torch.set_num_threads(settings["threads"])
    model = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    new = settings["generate"]["new"]
    print(json.dumps({size: timed(model, calls, new) for size, calls in prompts.items()}))


def timed(model: Any, calls: list[list[list[int]]], new: int) -> dict[str, Any]:
    batches = [torch.tensor(call) for call in calls]
    options: dict[str, Any] = {"do_sample": False, "max_new_tokens": new}
    masks = [torch.ones_like(batch) for batch in batches]
    with torch.inference_mode():
        model.generate(batches[0], attention_mask=masks[0], **options)  # the warm-up
        cpu, wall = time.process_time(), time.perf_counter()
        written = [
            model.generate(batch, attention_mask=mask, **options)
            for batch, mask in zip(batches[1:], masks[1:], strict=True)
        ]
        spent = time.process_time() - cpu, time.perf_counter() - wall
    length = batches[0].shape[1]
    tokens = [ids[:, length:].tolist() for ids in written]
    return {"cpu_seconds": spent[0], "wall_seconds": spent[1], "tokens": tokens}


main()
