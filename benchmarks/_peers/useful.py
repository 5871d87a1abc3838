"""Greedy replies by transformers' `generate`, batch after batch; each ends at a given length, a batch with
its longest.

argv: folder of the material. Answers: seconds, and every reply up to its end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXForCausalLM, StoppingCriteria, StoppingCriteriaList

sys.path.insert(0, str(Path(__file__).parents[1]))
from turns import Clock, serve  # noqa: E402


class Ends(StoppingCriteria):
    """A reply is done when it is as long as it should be."""

    def __init__(self, prompt: int, lengths: list[int]) -> None:
        self.whole = prompt + torch.tensor(lengths)

    def __call__(self, ids: torch.Tensor, *ignored: Any, **also: Any) -> torch.Tensor:
        return ids.shape[1] >= self.whole


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    given = json.loads((folder / "useful.json").read_text(encoding="utf-8"))
    torch.set_num_threads(settings["threads"])
    model = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    size = settings["useful"]["slots"]
    serve(lambda: written(model, given, size, most=size), lambda: written(model, given, size))


def written(model: Any, given: dict[str, Any], size: int, most: int | None = None) -> dict[str, Any]:
    prompts, lengths = given["prompts"][:most], given["lengths"][:most]
    clock, replies = Clock(), list[list[int]]()
    clock.start()
    with torch.inference_mode():
        for start in range(0, len(prompts), size):
            batch, ends = torch.tensor(prompts[start : start + size]), lengths[start : start + size]
            found = model.generate(
                batch,
                attention_mask=torch.ones_like(batch),
                do_sample=False,
                max_new_tokens=max(ends),
                stopping_criteria=StoppingCriteriaList([Ends(batch.shape[1], ends)]),
            )
            rows = found[:, batch.shape[1] :].tolist()
            replies += [row[:length] for row, length in zip(rows, ends, strict=True)]
    clock.stop()
    return {**clock.seconds(), "tokens": replies}


main()
