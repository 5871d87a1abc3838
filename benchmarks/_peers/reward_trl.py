"""A reward model by TRL's RewardTrainer as it comes, with LoRA and a trained score head; only float32 is set.

argv: folder of the material.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trainer import Timing, arguments, lora_of, read, recording, run, tokenizer_of
from transformers import GPTNeoXForSequenceClassification
from trl import RewardConfig, RewardTrainer

from turns import serve


def trained(folder: Path, pairs: list[dict[str, list[int]]]) -> dict[str, Any]:
    settings = read(folder, "settings")
    model = GPTNeoXForSequenceClassification.from_pretrained(folder / "classifier", dtype=torch.float32)
    timing = Timing()
    with tempfile.TemporaryDirectory() as out:
        trainer = recording(RewardTrainer)(
            model=model,
            args=RewardConfig(
                out,
                num_train_epochs=1,
                per_device_train_batch_size=settings["reward"]["batch"],
                max_length=settings["reward"]["max_tokens"],
                **arguments(settings),
            ),
            train_dataset=Dataset.from_list(pairs),
            processing_class=tokenizer_of(folder),
            peft_config=lora_of(settings, task_type="SEQ_CLS", modules_to_save=["score"]),
        )
        return run(trainer, timing)


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(read(folder, "settings")["threads"])
    pairs, batch = read(folder, "pairs"), read(folder, "settings")["reward"]["batch"]
    serve(lambda: trained(folder, pairs[:batch]), lambda: trained(folder, pairs))


main()
