"""A base of two thin layers, its roles, and one algorithm of each kind: all that the tests of training share.

Examples and replies are drawn by Python's own generator, so that no tokenizer and no sampled token enters a
trajectory.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dajeong.models.adapters import AdapterNotes, load_role, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.layout import TokenOutputs
from dajeong.models.runtime import key
from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.models.tokenize import Tokens
from dajeong.records import Decoding
from dajeong.rollout.engine import Completion, Engine, OnToken, Request
from dajeong.rollout.native import NativeEngine
from dajeong.templates import TEMPLATES
from dajeong.training.algorithm import Algorithm, Batch
from dajeong.training.examples import Ranked
from dajeong.training.loop import Loop
from dajeong.training.parallel import Parallel, Single
from dajeong.training.ppo import Ppo
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.ppo_step import add_value
from dajeong.training.reward import Reward
from dajeong.training.rollout_step import add_policy, add_rewards
from dajeong.training.rollouts import Prompt, Rollouts
from dajeong.training.settings import OptimizerSettings, RewardSettings, SftSettings
from dajeong.training.sft import Sft
from dajeong.workplace import Workplace

TINY = TinySettings(layers=2, hidden=32, heads=2, vocabulary=320, positions=128)
LORA = LoraSettings(rank=4, alpha=8.0)
CPU = RuntimeSettings(device="cpu", dtype="float32")
TEXT = "오늘 점심은 뭐가 좋을까요? 따뜻한 국수 한 그릇 어떠세요."
END, WORDS = 0, range(2, 258)
"""The id that ends a reply, and the ids that may stand in one: every byte."""


def optimizer(**changed: Any) -> OptimizerSettings:
    """A constant rate from the first update on, so that every update of a short run moves."""
    settings = {"learning_rate": 5e-3, "warmup_ratio": 0.0, "schedule": "constant"}
    return OptimizerSettings(**(settings | changed))


# --- models


def write_models(folder: Path) -> Path:
    """A base, an SFT adapter and two reward adapters, each in the folder of its name."""
    write_tiny(folder / "base", [TEXT] * 4, TINY, seed=7)
    base = load_base(str(folder / "base"), CPU)
    _redraw(base)
    base.model.base.save_pretrained(folder / "base")  # type: ignore[operator]
    for seed, role in enumerate(("sft", "reward-kind", "reward-firm"), start=11):
        add_drawn_role(base, role, seed, trainable=False)
        if role != "sft":
            base.model.add_head(role, trainable=False, seed=seed)
        notes = AdapterNotes(role=role, reward_mean=0.1 * seed - 1, reward_deviation=0.05 * seed)
        save_role(base, role, folder / role, TEMPLATES["koalpaca"], notes)
    return folder


def _redraw(base: Base) -> None:
    """Weights by name, so that no library's order of drawing decides them; large, so that they matter."""
    with torch.no_grad():
        for name, weight in base.model.base.named_parameters():
            if weight.dim() > 1:
                inside = name if ".layers." in name else tuple(weight.shape)
                drawn = torch.Generator().manual_seed(key("weight", inside, weight is base.model.head.weight))
                weight.normal_(0, 0.1, generator=drawn)


def add_drawn_role(base: Base, role: str, seed: int, *, trainable: bool, lora: LoraSettings = LORA) -> None:
    """A role that is not the bare base: B is drawn too, large enough to matter."""
    base.model.add_role(role, lora, trainable=trainable, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in base.model.role_layers().values():
            layer.B[role].normal_(0, 0.3, generator=generator)


def fresh_base(models: Path) -> Base:
    return load_base(str(models / "base"), CPU)


# --- what there is to learn


def drawn_examples(count: int = 40, seed: int = 0) -> list[Tokens]:
    """Sequences of 6 to 24 tokens whose later half is learned."""
    draw = random.Random(f"examples {seed}")
    ids = [draw.choices(WORDS, k=draw.randint(5, 23)) for _ in range(count)]
    return [
        Tokens([*words, END], [place > len(words) // 2 for place in range(len(words) + 1)]) for words in ids
    ]


def drawn_preferences(count: int = 40, seed: int = 0) -> list[Ranked]:
    """Two to four responses a prompt, in order or with a tie, of unequal weights."""
    draw = random.Random(f"preferences {seed}")
    return [_ranked(draw) for _ in range(count)]


def _ranked(draw: random.Random) -> Ranked:
    prompt, size = draw.choices(WORDS, k=draw.randint(3, 8)), draw.randint(2, 4)
    responses = [[*prompt, *draw.choices(WORDS, k=draw.randint(1, 8)), END] for _ in range(size)]
    pairs = [(better, worse) for better in range(size) for worse in range(better + 1, size)]
    tied = pairs[:-1] if len(pairs) > 1 and draw.random() < 0.5 else pairs
    return Ranked(responses, tied, draw.choice([0.5, 1.0, 2.0]))


def drawn_prompts(count: int = 10) -> list[Prompt]:
    draw = random.Random("prompts")
    return [Prompt(f"prompt-{index}", draw.choices(WORDS, k=draw.randint(3, 9))) for index in range(count)]


class Scripted:
    """An engine whose replies follow from the seed of the request alone: rounding cannot change them."""

    def generate(self, requests: Sequence[Request], on_token: OnToken | None = None) -> list[Completion]:
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Completion:
        draw = random.Random(request.seed)
        most = request.decoding.max_new_tokens
        words = draw.choices(WORDS, k=draw.randint(1, most))
        if len(words) == most:
            return Completion(tuple(words), (0.0,) * most, "length")
        return Completion((*words, END), (0.0,) * (len(words) + 1), "eos")


# --- algorithms

Make = Callable[..., Algorithm]


def make_sft(
    models: Path,
    parallel: Parallel | None = None,
    *,
    micro: int = 4096,
    dropout: float = 0.0,
    double: bool = False,
    **changed: Any,
) -> Sft:
    base = fresh_base(models)
    add_drawn_role(base, "sft", 21, trainable=True, lora=LORA.model_copy(update={"dropout": dropout}))
    base.model.learning()
    _widen(base, double)
    values = {
        "updates": 5,
        "tokens_per_update": 160,
        "tokens_per_micro_batch": micro,
        "optimizer": optimizer(),
    }
    settings = SftSettings(**(values | changed))
    return Sft(
        base.model,
        "sft",
        drawn_examples(),
        settings,
        settings.optimizer,
        3,
        parallel,
        drawn_examples(4, seed=1),
        settings.validate_every,
    )


def make_reward(
    models: Path, parallel: Parallel | None = None, *, micro: int = 4096, double: bool = False, **changed: Any
) -> Reward:
    base = fresh_base(models)
    load_role(base.model, "reward", models / "sft", trainable=True)
    base.model.add_head("reward", trainable=True, seed=5)
    _widen(base, double)
    values = {
        "updates": 5,
        "tokens_per_update": 640,
        "tokens_per_micro_batch": micro,
        "centring": 0.05,
        "optimizer": optimizer(),
    }
    return Reward(base.model, drawn_preferences(), RewardSettings(**(values | changed)), 3, parallel)


def ppo_settings(**changed: Any) -> PpoSettings:
    values = {
        "rewards": {"kind": 1.0, "firm": 0.5},
        "updates": 2,
        "prompts_per_update": 16,
        "epochs": 2,
        "mini_batches": 2,
        "decoding": Decoding(temperature=0.8, max_new_tokens=6),
        "optimizer": optimizer(),
        "value_optimizer": optimizer(learning_rate=1e-2),
    }
    return PpoSettings(**(values | changed))


def ppo_base(models: Path) -> tuple[Base, dict[str, AdapterNotes]]:
    """The roles of PPO on one base, put together as the step does it."""
    base = fresh_base(models)
    add_policy(base.model, models / "sft")
    judges = {name: models / name for name in ("reward-kind", "reward-firm")}
    notes = add_rewards(base.model, judges)
    add_value(base.model, judges, models / "sft")
    return base, notes


def make_ppo(
    models: Path,
    parallel: Parallel | None = None,
    *,
    micro: int = 8192,
    double: bool = False,
    native: bool = False,
    **changed: Any,
) -> Ppo:
    base, notes = ppo_base(models)
    _widen(base, double)
    engine: Engine = NativeEngine(base.model, max_slots=4) if native else Scripted()
    settings = ppo_settings(tokens_per_micro_batch=micro, **changed)
    rollouts = Rollouts(base, drawn_prompts(), notes, frozenset({END}), settings, 3, engine, parallel)
    return Ppo(rollouts, settings)


MAKERS: Mapping[str, Make] = {"sft": make_sft, "reward": make_reward, "ppo": make_ppo}
ONE_EACH = 16
"""A token budget under which almost every example is a micro-batch of its own."""
SOME_EACH = {"sft": 40, "reward": 120, "ppo": 60}
"""Token budgets of micro-batches of a few examples."""


def _widen(base: Base, double: bool) -> None:
    if double:
        base.model.double()


def watch_ratios(algorithm: Ppo) -> list[Tensor]:
    """Grows by the ratios π / π_old of every micro-batch that is learned from."""
    ratios: list[Tensor] = []
    loss = algorithm.loss

    def watched(outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        ratios.append((outputs.logprobs - batch.columns["logprobs"]).detach().exp())
        return loss(outputs, batch)

    algorithm.loss = watched  # type: ignore[method-assign]
    return ratios


# --- running


class Trace:
    """One run of the loop: gradients of the first update before clipping, parameters before and after."""

    def __init__(
        self, algorithm: Algorithm, folder: Path, parallel: Parallel | None = None, every: int = 100
    ) -> None:
        self.work = Workplace(run=folder, name="step", seed=3)
        self.loop = Loop(algorithm, self.work, parallel or Single(), every, {})
        self.gradients: dict[str, Tensor] = {}
        self.num_micro_batches: list[int] = []
        self.before = self._parameters()
        self._watch()
        self.loop.run()
        self.after = self._parameters()
        self.tensors = self.loop.optimizer.tensors()
        self.journal = journal_of(self.work) if self.loop.parallel.rank == 0 else []

    def _parameters(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.loop.optimizer._named()}

    def _watch(self) -> None:
        step, divide = self.loop.optimizer.step, self.loop._global_weights

        def counted(batches: list[Batch]) -> dict[str, float]:
            self.num_micro_batches.append(len(batches))
            return divide(batches)

        def watched(progress: float, trains: Any) -> Any:
            if not self.gradients:
                self.gradients = {n: p.grad.clone() for n, p in self.loop.optimizer._named()}  # type: ignore[union-attr]
            return step(progress, trains)

        self.loop._global_weights = counted  # type: ignore[method-assign]
        self.loop.optimizer.step = watched  # type: ignore[method-assign]


def journal_of(work: Workplace) -> list[dict[str, Any]]:
    """The diary without its times."""
    lines = (work.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "time"} for line in lines]


def same_bytes(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and bytes_of(one[name]) == bytes_of(other[name]) for name in one
    )


def bytes_of(tensor: Tensor) -> bytes:
    return (
        tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
        if tensor.dim()
        else str(tensor.item()).encode("utf-8")
    )


def assert_close_gradients(one: Mapping[str, Tensor], other: Mapping[str, Tensor], relative: float) -> None:
    """Every tensor of gradients within `relative` of its own largest entry."""
    assert one.keys() == other.keys() and one
    for name, gradient in one.items():
        scale = float(gradient.abs().max())
        assert float((gradient - other[name]).abs().max()) <= relative * scale, name


def assert_close_parameters(one: Trace, after: Mapping[str, Tensor], share: float) -> None:
    """Every parameter within `share` of the run's largest update."""
    largest = max(float((one.after[name] - one.before[name]).abs().max()) for name in one.after)
    assert largest > 0
    for name, parameter in one.after.items():
        assert float((parameter - after[name]).abs().max()) <= share * largest, name
