"""PPO by TRL 1.12, its last release that has it: policy with LoRA over a reference without, a value model
with LoRA and head, a frozen reward model; all of one base.

argv: folder of the material. Not checkpointed, which serves it best.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import inject_adapter_in_model
from trainer import arguments, lora_of, read, tokenizer_of
from transformers import GPTNeoXForCausalLM, GPTNeoXForSequenceClassification
from trl.experimental.ppo import PPOConfig, PPOTrainer

from turns import Clock, serve


class Told(PPOTrainer):  # type: ignore[misc]
    """Keeps what it would log."""

    def log(self, logs: dict[str, float], *args: Any, **named: Any) -> None:
        self.told = [*getattr(self, "told", []), dict(logs)]


def classifier(folder: Path) -> Any:
    return GPTNeoXForSequenceClassification.from_pretrained(folder / "classifier", dtype=torch.float32)


def value_model(folder: Path, settings: dict[str, Any]) -> Any:
    model = inject_adapter_in_model(lora_of(settings, task_type="SEQ_CLS"), classifier(folder))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith("score"))
    return model


def trained(folder: Path, rollouts: int) -> dict[str, Any]:
    settings, prompts = read(folder, "settings"), read(folder, "ppo")
    ppo = settings["ppo"]
    rows = Dataset.from_list([{"input_ids": ids} for ids in prompts])
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        trainer = Told(
            args=PPOConfig(
                out,
                total_episodes=rollouts * ppo["prompts"],
                per_device_train_batch_size=ppo["micro_batch"],
                gradient_accumulation_steps=ppo["prompts"] // ppo["micro_batch"],
                num_ppo_epochs=ppo["epochs"],
                response_length=ppo["new"],
                temperature=ppo["temperature"],
                num_sample_generations=0,
                gradient_checkpointing=False,
                seed=settings["seed"],
                **arguments(settings),
            ),
            processing_class=tokenizer_of(folder),
            model=GPTNeoXForCausalLM.from_pretrained(folder / "model", dtype=torch.float32),
            ref_model=None,
            reward_model=classifier(folder).eval(),
            value_model=value_model(folder, settings),
            train_dataset=rows,
            eval_dataset=rows,
            peft_config=lora_of(settings),
        )
        clock.start()
        trainer.train()
        clock.stop()
    told = trainer.told[0]
    return {
        **clock.seconds(),
        "rollouts": len(trainer.told),
        "trained": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "first_kl": told["objective/kl"],
        "first_score": told["objective/scores"],
    }


def main() -> None:
    folder = Path(sys.argv[1])
    settings = read(folder, "settings")
    torch.set_num_threads(settings["threads"])
    serve(lambda: trained(folder, 1), lambda: trained(folder, settings["ppo"]["rollouts"]))


main()
