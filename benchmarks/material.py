"""What both sides work on: drawn weights, an adapter and a score head at their start, invented examples.

Written once per run into a folder; nothing here is timed. Only token ids: no tokenizer enters the figures,
but a peer wants one to be there.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from settings import Settings


def write_material(folder: Path, settings: Settings) -> None:
    """model/, classifier/, tokenizer/, adapter, examples, pairs, prompts of PPO and of generation."""
    _write_models(folder, settings)
    _write_tokenizer(folder / "tokenizer", settings.model.vocabulary)
    chance = random.Random(settings.seed)
    _write(folder / "examples.json", _examples(settings, chance))
    _write(folder / "pairs.json", _pairs(settings, chance))
    _write(folder / "ppo.json", [_prompt(settings, chance) for _ in range(_num_prompts(settings))])
    _write(folder / "prompts.json", _prompts(settings, chance))
    _write(folder / "useful.json", _useful(settings, chance))


def _write_models(folder: Path, settings: Settings) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, GPTNeoXForSequenceClassification

    from dajeong.models.adapters import adapter_tensors
    from dajeong.models.roles import RoleModel
    from dajeong.models.runtime import quiet_transformers
    from dajeong.models.settings import LoraSettings

    quiet_transformers()
    shape = settings.model
    torch.manual_seed(settings.seed)
    config = GPTNeoXConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=shape.positions,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25},
        initializer_range=shape.spread,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
        num_labels=1,
        tie_word_embeddings=False,
    )
    network = GPTNeoXForCausalLM(config)
    network.save_pretrained(folder / "model")
    classifier = GPTNeoXForSequenceClassification(config)
    classifier.gpt_neox.load_state_dict(network.gpt_neox.state_dict())
    classifier.save_pretrained(folder / "classifier")
    save_file({"score": classifier.score.weight.detach().clone()}, folder / "score.safetensors")
    model = RoleModel(network)
    lora = LoraSettings(rank=settings.lora.rank, alpha=settings.lora.alpha, targets=settings.lora.targets)
    model.add_role("sft", lora, trainable=True, seed=settings.seed)
    save_file(adapter_tensors(model, "sft"), folder / "adapter.safetensors")


def _write_tokenizer(folder: Path, vocabulary: int) -> None:
    """One word per id; 0 pads, 1 ends, neither is drawn."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<end>": 1, "<unknown>": 2} | {
        f"w{number}": number for number in range(3, vocabulary)
    }
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()  # type: ignore[assignment]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<end>",
        unk_token="<unknown>",
        padding_side="left",
    ).save_pretrained(folder)


def _ids(settings: Settings, count: int, chance: random.Random) -> list[int]:
    return [chance.randrange(3, settings.model.vocabulary) for _ in range(count)]


def _header(settings: Settings) -> list[int]:
    """What the template writes before every question: the same in all examples."""
    return _ids(settings, settings.sft.header, random.Random(settings.seed + 1))


def _examples(settings: Settings, chance: random.Random) -> list[dict[str, Any]]:
    """Lengths spread as those of VAIV's instructions under KULLM's template (mean 230, median 155, 15 % cut
    at 512; prompts of 42 to several hundred tokens, answers log-normal); ids drawn evenly behind the header.
    """
    most, header = settings.sft.max_tokens, _header(settings)
    examples = []
    for _ in range(settings.sft.examples):
        prompt = min(42 + int(chance.lognormvariate(3.0, 1.2)), most - 1)
        answer = min(max(1, int(chance.lognormvariate(4.4, 1.15))), most - prompt)
        ids = header + _ids(settings, prompt + answer - len(header), chance)
        examples.append({"ids": ids, "prompt": prompt})
    return examples


def _prompt(settings: Settings, chance: random.Random) -> list[int]:
    """KULLM's header, an everyday question, KULLM's call for an answer."""
    question = min(8 + int(chance.lognormvariate(3.1, 0.7)), 128)
    return _header(settings) + _ids(settings, question, chance)


def _pairs(settings: Settings, chance: random.Random) -> list[dict[str, list[int]]]:
    """A prompt and two answers of everyday length."""
    most = settings.reward.max_tokens
    pairs = []
    for _ in range(settings.reward.pairs):
        prompt = _prompt(settings, chance)
        answers = [
            _ids(settings, min(max(4, int(chance.lognormvariate(4.0, 0.8))), most - len(prompt)), chance)
            for _ in range(2)
        ]
        pairs.append({"chosen_ids": prompt + answers[0], "rejected_ids": prompt + answers[1]})
    return pairs


def _num_prompts(settings: Settings) -> int:
    return settings.ppo.prompts * settings.ppo.rollouts


def _prompts(settings: Settings, chance: random.Random) -> dict[str, list[list[list[int]]]]:
    """Batch size → its timed calls → prompts, all different; the first call more is the warm-up."""
    generate = settings.generate
    return {
        str(size): [
            [_ids(settings, generate.prompt, chance) for _ in range(size)] for _ in range(1 + repeats)
        ]
        for size, repeats in zip(generate.batches, generate.repeats, strict=True)
    }


def _useful(settings: Settings, chance: random.Random) -> dict[str, Any]:
    """Prompts of one length, and where each reply ends."""
    useful = settings.useful
    return {
        "prompts": [_ids(settings, useful.prompt, chance) for _ in range(useful.requests)],
        "lengths": [drawn(useful.quantiles, chance.random()) for _ in range(useful.requests)],
    }


def drawn(quantiles: tuple[int, ...], share: float) -> int:
    """The length below which `share` of all lie, between the quantiles in a straight line."""
    place = share * (len(quantiles) - 1)
    low = min(int(place), len(quantiles) - 2)
    return round(quantiles[low] + (place - low) * (quantiles[low + 1] - quantiles[low]))


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
