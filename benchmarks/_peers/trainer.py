"""What the peers' trainers have in common: what was measured of them, their models, their arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPTNeoXForCausalLM, TrainerCallback

sys.path.insert(0, str(Path(__file__).parents[1]))
from turns import Clock  # noqa: E402


class Timing(TrainerCallback):
    """Seconds from the first update to the end of the last."""

    def __init__(self) -> None:
        self.clock = Clock()

    def on_train_begin(self, *ignored: Any, **also: Any) -> None:
        self.clock.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
        if state.global_step == state.max_steps:
            self.clock.stop()


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def lora_of(settings: dict[str, Any], **others: Any) -> LoraConfig:
    lora = settings["lora"]
    return LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        lora_dropout=0.0,
        target_modules=lora["targets"],
        **({"task_type": "CAUSAL_LM"} | others),
    )


def causal(folder: Path, settings: dict[str, Any]) -> Any:
    """The base with the adapter at its start."""
    network = GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    network.config.use_cache = False
    model = get_peft_model(network, lora_of(settings))
    set_peft_model_state_dict(model, load_file(folder / "adapter.safetensors"))
    return model


def tokenizer_of(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder / "tokenizer")


def arguments(settings: dict[str, Any]) -> dict[str, Any]:
    """Optimizer and silence, the same for all."""
    sft = settings["sft"]
    return {
        "learning_rate": sft["learning_rate"],
        "lr_scheduler_type": "constant",
        "adam_epsilon": sft["epsilon"],
        "max_grad_norm": sft["max_grad_norm"],
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": False,
    }


def recording(kind: type) -> type:
    """The trainer, keeping the loss of every forward."""

    class Recording(kind):  # type: ignore[misc]
        losses: list[float]

        def training_step(self, *args: Any, **named: Any) -> torch.Tensor:
            loss = super().training_step(*args, **named)
            self.losses.append(float(loss))
            return loss

    return Recording


def run(trainer: Any, timing: Timing) -> dict[str, Any]:
    trainer.losses = []
    trainer.add_callback(timing)
    trainer.train()
    return {**timing.clock.seconds(), "losses": trainer.losses}
