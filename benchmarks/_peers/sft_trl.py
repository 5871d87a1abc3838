"""SFT by TRL's SFTTrainer as it comes: batches in chance order, or its packing; only float32 is set.

argv: folder of the material, `default` or `packing`. Same examples, but TRL chooses who shares a batch.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trainer import Timing, arguments, causal, read, recording, run, tokenizer_of
from trl import SFTConfig, SFTTrainer

from turns import serve


def trained(folder: Path, groups: list[list[int]], packing: bool) -> dict[str, Any]:
    settings, examples = read(folder, "settings"), read(folder, "examples")
    rows = [examples[index] for group in groups for index in group]
    timing = Timing()
    with tempfile.TemporaryDirectory() as out:
        trainer = recording(SFTTrainer)(
            model=causal(folder, settings),
            args=SFTConfig(
                out,
                num_train_epochs=1,
                per_device_train_batch_size=settings["sft"]["batch"],
                max_length=settings["sft"]["max_tokens"],
                packing=packing,
                completion_only_loss=True,
                **arguments(settings),
            ),
            train_dataset=Dataset.from_list([row_of(row) for row in rows]),
            processing_class=tokenizer_of(folder),
        )
        return run(trainer, timing)


def row_of(row: dict[str, Any]) -> dict[str, list[int]]:
    """Tokens with the mask of a prompt and its completion: TRL's own form of a processed row."""
    learned = len(row["ids"]) - row["prompt"]
    return {"input_ids": row["ids"], "completion_mask": [0] * row["prompt"] + [1] * learned}


def main() -> None:
    folder, packing = Path(sys.argv[1]), sys.argv[2] == "packing"
    torch.set_num_threads(read(folder, "settings")["threads"])
    groups = read(folder, "groups")
    serve(lambda: trained(folder, groups[-1:], packing), lambda: trained(folder, groups, packing))


main()
