"""SFT on small talk by transformers' Trainer and PEFT, batches of like length, and how its validation loss
falls.

argv: folder of the material. Answers the curve: [CPU-seconds of training, validation loss]; reading the loss
is not timed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from collating import collate
from peft import get_peft_model
from trainer import Clock, arguments, lora_of, read
from transformers import GPTNeoXForCausalLM, Trainer, TrainerCallback, TrainingArguments

from turns import serve


class Watching(TrainerCallback):
    """Its clock stands while the validation loss is read."""

    def __init__(self, rows: list[dict[str, Any]], every: int) -> None:
        self.rows, self.every, self.clock = rows, every, Clock()
        self.curve: list[tuple[float, float]] = []

    def on_train_begin(self, *ignored: Any, **also: Any) -> None:
        self.clock.start()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **ignored: Any) -> None:
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.clock.stop()
            self.curve.append((self.clock.cpu, mean_loss(model, self.rows)))
            self.clock.start()


@torch.no_grad()
def mean_loss(model: Any, rows: list[dict[str, Any]]) -> float:
    """Mean −log p of the answers' tokens."""
    total, count = 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row["ids"]))
    for start in range(0, len(ordered), 16):
        batch = collate(ordered[start : start + 16])
        learned = int((batch["labels"][:, 1:] >= 0).sum())
        total += float(model(**batch).loss) * learned
        count += learned
    return total / count


def trained(folder: Path, number: int, steps: int = -1) -> dict[str, Any]:
    settings = read(folder, "settings")
    loss, rows, held_out = settings["loss"], read(folder, "talk"), read(folder, "held_out")
    network = GPTNeoXForCausalLM.from_pretrained(folder / "base", dtype=torch.float32)
    network.config.use_cache = False
    torch.manual_seed(number)
    model = get_peft_model(network, lora_of(settings))
    watching = Watching(held_out, loss["read_every"])
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                out,
                num_train_epochs=1,
                max_steps=steps,
                seed=number,
                per_device_train_batch_size=loss["batch"],
                train_sampling_strategy="group_by_length",
                remove_unused_columns=False,
                logging_strategy="no",
                **arguments(settings) | {"learning_rate": loss["learning_rate"]},
            ),
            train_dataset=[row | {"input_ids": row["ids"]} for row in rows],  # by which it groups
            data_collator=collate,
            callbacks=[watching],
        )
        start = mean_loss(model, held_out)
        trainer.train()
    return {"start": start, "curve": watching.curve}


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(read(folder, "settings")["threads"])
    numbers = iter(range(1, 1000))
    serve(lambda: trained(folder, 0, steps=4), lambda: trained(folder, next(numbers)))


main()
