"""Our own SFT and decoding on a device, timed. Knows shapes, no floor."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from dajeong.models.roles import RoleModel
from dajeong.models.runtime import quiet_transformers
from dajeong.models.settings import LoraSettings
from dajeong.models.tokenize import Tokens
from dajeong.records import Decoding
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from dajeong.training.algorithm import Entry, StepReport, Update
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.settings import OptimizerSettings, TrainingSettings
from dajeong.training.sft import ROLE, Sft
from dajeong.workplace import Workplace
from gpu_floors import Shape

WARM_UP, TIMED = 3, 10
PROMPT, NEW = 256, 128


def write_model(folder: Path, shape: Shape, device: torch.device) -> None:
    """Weights of the right shape, drawn where they are fast to draw."""
    quiet_transformers()
    config = GPTNeoXConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=shape.positions,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
        tie_word_embeddings=False,
    )
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with torch.device(device):
        GPTNeoXForCausalLM(config).to(dtype).save_pretrained(folder)


def loaded(folder: Path, device: torch.device) -> RoleModel:
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return RoleModel(GPTNeoXForCausalLM.from_pretrained(folder, dtype=dtype).to(device))


class Timed(Sft):
    """SFT with a clock behind its warm-up."""

    def updates(self) -> Iterator[Update]:
        for update in super().updates():
            if self.done == WARM_UP:
                _wait(self.models["main"].device)
                self.begun, self.tokens = time.perf_counter(), 0
            yield update

    def after(self, report: StepReport) -> list[Entry]:
        entries = super().after(report)
        if self.done > WARM_UP:
            self.tokens += report.num_tokens
        if self.done == WARM_UP + TIMED:
            _wait(self.models["main"].device)
            self.seconds = time.perf_counter() - self.begun
        return entries


def sft_speed(folder: Path, shape: Shape, tokens: int, device: torch.device) -> dict[str, Any]:
    """Tokens per second of LoRA on query, key and value; lengths as VAIV's under KULLM's template."""
    _forget(device)
    model = loaded(folder, device)
    model.add_role(ROLE, LoraSettings(rank=8, alpha=16, targets=("query_key_value",)), trainable=True)
    model.learning()
    settings = TrainingSettings(
        updates=WARM_UP + TIMED, tokens_per_update=tokens, tokens_per_micro_batch=tokens
    )
    optimizer = OptimizerSettings(learning_rate=3e-4, warmup_ratio=0.0)
    timed = Timed(model, ROLE, examples(shape, tokens), settings, optimizer, seed=0)
    with tempfile.TemporaryDirectory() as place:
        Loop(timed, Workplace(Path(place), "sft", 0), Single(), 1 << 30, {}).run()
    rate = timed.tokens / timed.seconds
    return {"tokens_per_second": round(rate, 1), "tokens_per_update": tokens, "updates": TIMED}


def examples(shape: Shape, tokens: int) -> list[Tokens]:
    chance = random.Random(0)
    found: list[Tokens] = []
    while sum(len(example.ids) for example in found) < tokens * (WARM_UP + TIMED + 1):
        prompt = min(42 + int(chance.lognormvariate(3.0, 1.2)), 400)
        answer = min(max(1, int(chance.lognormvariate(4.4, 1.15))), min(512, shape.positions) - prompt)
        ids = [chance.randrange(3, shape.vocabulary) for _ in range(prompt + answer)]
        found.append(Tokens(ids, [False] * prompt + [True] * answer))
    return found


def decode_speed(
    folder: Path, shape: Shape, batches: Sequence[int], device: torch.device
) -> dict[int, dict[str, Any]]:
    """Milliseconds of a decoding step at every batch size: the difference of a long and a short call."""
    _forget(device)
    model = loaded(folder, device)
    prompt, new = min(PROMPT, shape.positions // 4), min(NEW, shape.positions // 8)
    found = {}
    for batch in batches:
        engine = NativeEngine(model, max_slots=batch)
        spent = {count: _call(engine, shape, batch, prompt, count) for count in (2, new, 2, new)}
        step = (spent[new] - spent[2]) / (new - 2)
        found[batch] = {"step_ms": round(1e3 * step, 4), "middle_column": prompt + new // 2}
    return found


def _call(engine: NativeEngine, shape: Shape, batch: int, prompt: int, new: int) -> float:
    chance = random.Random(batch)
    decoding = Decoding(temperature=0, max_new_tokens=new)
    drawn = [[chance.randrange(3, shape.vocabulary) for _ in range(prompt)] for _ in range(batch)]
    requests = [Request(tuple(ids), 0, decoding, None, frozenset()) for ids in drawn]
    _wait(engine.model.device)
    began = time.perf_counter()
    engine.generate(requests)
    _wait(engine.model.device)
    return time.perf_counter() - began


def peak_gib(device: torch.device) -> float:
    """Of the device since it was last forgotten; of the process on a CPU."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**30, 2)
    if sys.platform == "win32":
        return 0.0
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def _forget(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
