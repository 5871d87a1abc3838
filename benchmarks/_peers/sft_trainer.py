"""SFT by transformers' Trainer and PEFT, as a user who knows them would: batches of like length, padded to
the longest, float32, attention by SDPA.

argv: folder of the material.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from collating import collate
from trainer import Timing, arguments, causal, read, recording, run
from transformers import Trainer, TrainingArguments

from turns import serve


def trained(folder: Path, groups: list[list[int]]) -> dict[str, Any]:
    settings, examples = read(folder, "settings"), read(folder, "examples")
    timing = Timing()
    with tempfile.TemporaryDirectory() as out:
        trainer = recording(Trainer)(
            model=causal(folder, settings),
            args=TrainingArguments(
                out,
                max_steps=len(groups),
                per_device_train_batch_size=settings["sft"]["batch"],
                train_sampling_strategy="sequential",  # the rows below are in the order of its grouping
                remove_unused_columns=False,
                logging_strategy="no",
                **arguments(settings),
            ),
            train_dataset=[examples[index] for group in groups for index in group],
            data_collator=collate,
        )
        return run(trainer, timing)


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(read(folder, "settings")["threads"])
    groups = read(folder, "groups")
    serve(lambda: trained(folder, groups[-1:]), lambda: trained(folder, groups))


main()
