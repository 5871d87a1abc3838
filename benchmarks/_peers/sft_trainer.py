"""SFT by transformers' Trainer and PEFT, as a user who knows them would: batches of like length, padded to
the longest, float32, attention by SDPA.

argv: folder of the material. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import GPTNeoXForCausalLM, Trainer, TrainerCallback, TrainingArguments


class Clock(TrainerCallback):
    """CPU-seconds from the first update after the warm-up to the end of the last."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def on_step_begin(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
        if state.global_step == self.first:
            self.begun = time.process_time(), time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
        if state.global_step == self.last:
            self.cpu = time.process_time() - self.begun[0]
            self.wall = time.perf_counter() - self.begun[1]


class Recording(Trainer):
    """A Trainer that keeps the loss of every update."""

    losses: list[float]

    def training_step(self, *args: Any, **named: Any) -> torch.Tensor:
        loss = super().training_step(*args, **named)
        self.losses.append(float(loss))
        return loss


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Padded on the right; only answers are learned."""
    longest = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full_like(ids, -100)
    mask = torch.zeros_like(ids)
    for line, row in enumerate(rows):
        length = len(row["ids"])
        ids[line, :length] = torch.tensor(row["ids"])
        labels[line, row["prompt"] : length] = ids[line, row["prompt"] : length]
        mask[line, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
    sft, first, last = settings["sft"], settings["sft"]["warm_up"], len(groups)
    torch.set_num_threads(settings["threads"])
    network = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    network.config.use_cache = False
    lora = LoraConfig(
        r=sft["rank"],
        lora_alpha=sft["alpha"],
        lora_dropout=0.0,
        target_modules=sft["targets"],
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(network, lora)
    set_peft_model_state_dict(model, load_file(folder / "adapter.safetensors"))
    with tempfile.TemporaryDirectory() as out:
        trainer = Recording(
            model=model,
            args=TrainingArguments(
                out,
                max_steps=last,
                per_device_train_batch_size=sft["batch"],
                learning_rate=sft["learning_rate"],
                lr_scheduler_type="constant",
                adam_epsilon=sft["epsilon"],
                max_grad_norm=sft["max_grad_norm"],
                train_sampling_strategy="sequential",  # the rows below are in the order of its grouping
                remove_unused_columns=False,
                use_cpu=True,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=[examples[index] for group in groups for index in group],
            data_collator=collate,
        )
        trainer.losses = []
        clock = Clock(first, last)
        trainer.add_callback(clock)
        trainer.train()
    print(json.dumps({"cpu_seconds": clock.cpu, "wall_seconds": clock.wall, "losses": trainer.losses}))


main()
