"""Greedy replies of equal length by transformers' `generate`.

argv: folder of the material. Answers: batch size → seconds and the tokens written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXForCausalLM

sys.path.insert(0, str(Path(__file__).parents[1]))
from turns import Clock, serve  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    prompts = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    torch.set_num_threads(settings["threads"])
    model = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    new = settings["generate"]["new"]

    def timed(first: int, last: int | None) -> dict[str, Any]:
        return {size: written(model, calls[first:last], new) for size, calls in prompts.items()}

    serve(lambda: timed(0, 1), lambda: timed(1, None))


def written(model: Any, calls: list[list[list[int]]], new: int) -> dict[str, Any]:
    batches = [torch.tensor(call) for call in calls]
    options: dict[str, Any] = {"do_sample": False, "max_new_tokens": new}
    masks = [torch.ones_like(batch) for batch in batches]
    clock = Clock()
    with torch.inference_mode():
        clock.start()
        found = [
            model.generate(batch, attention_mask=mask, **options)
            for batch, mask in zip(batches, masks, strict=True)
        ]
        clock.stop()
    length = batches[0].shape[1]
    return {**clock.seconds(), "tokens": [ids[:, length:].tolist() for ids in found]}


main()
