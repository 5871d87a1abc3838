"""What both sides work on: drawn weights, an adapter at its start, invented examples in token ids, prompts.

Written once per run into a folder; nothing here is timed.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from settings import Settings


def write_material(folder: Path, settings: Settings) -> None:
    """model/, adapter/, examples.json, prompts.json."""
    _write_model(folder, settings)
    chance = random.Random(settings.seed)
    _write(folder / "examples.json", _examples(settings, chance))
    _write(folder / "prompts.json", _prompts(settings, chance))


def _write_model(folder: Path, settings: Settings) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from dajeong.models.adapters import adapter_tensors
    from dajeong.models.roles import RoleModel
    from dajeong.models.runtime import quiet_transformers
    from dajeong.models.settings import LoraSettings

    quiet_transformers()
    shape, sft = settings.model, settings.sft
    torch.manual_seed(settings.seed)
    network = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=4 * shape.hidden,
            max_position_embeddings=shape.positions,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25},
            initializer_range=shape.spread,
            bos_token_id=0,
            eos_token_id=0,
            tie_word_embeddings=False,
        )
    )
    network.save_pretrained(folder / "model")
    model = RoleModel(network)
    lora = LoraSettings(rank=sft.rank, alpha=sft.alpha, targets=sft.targets)
    model.add_role("sft", lora, trainable=True, seed=settings.seed)
    save_file(adapter_tensors(model, "sft"), folder / "adapter.safetensors")


def _examples(settings: Settings, chance: random.Random) -> list[dict[str, Any]]:
    """Lengths spread as those of VAIV's instructions under KULLM's template (mean 230, median 155, 15 % cut
    at 512; prompts of 42 to several hundred tokens, answers log-normal); ids drawn evenly.
    """
    most, vocabulary = settings.sft.max_tokens, settings.model.vocabulary
    examples = []
    for _ in range(settings.sft.examples):
        prompt = min(42 + int(chance.lognormvariate(3.0, 1.2)), most - 1)
        answer = min(max(1, int(chance.lognormvariate(4.4, 1.15))), most - prompt)
        ids = [chance.randrange(1, vocabulary) for _ in range(prompt + answer)]
        examples.append({"ids": ids, "prompt": prompt})
    return examples


def _prompts(settings: Settings, chance: random.Random) -> dict[str, list[list[list[int]]]]:
    """Batch size → its timed calls → prompts, all different; the first call more is the warm-up."""
    generate = settings.generate

    def prompt() -> list[int]:
        return [chance.randrange(1, settings.model.vocabulary) for _ in range(generate.prompt)]

    return {
        str(size): [[prompt() for _ in range(size)] for _ in range(1 + repeats)]
        for size, repeats in zip(generate.batches, generate.repeats, strict=True)
    }


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
