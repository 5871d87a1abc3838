"""A base of two thin layers, its roles, and one algorithm of each kind: all that the tests of training share.

Examples and replies are drawn by Python's own generator, so that no tokenizer and no sampled token enters a
trajectory.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from dajeong.models.adapters import AdapterNotes, load_role, lora_of, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.layout import TokenOutputs
from dajeong.models.runtime import key
from dajeong.models.settings import LoraSettings, RuntimeSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.models.tokenize import Tokens
from dajeong.models.whole import whole
from dajeong.records import Decoding
from dajeong.rollout.engine import Completion, Engine, OnToken, Request
from dajeong.rollout.native import NativeEngine
from dajeong.templates import TEMPLATES
from dajeong.training.algorithm import Algorithm, Batch
from dajeong.training.dpo import Dpo
from dajeong.training.examples import Ranked
from dajeong.training.experience import Experience
from dajeong.training.group_policy import GroupPolicy
from dajeong.training.group_settings import GroupSettings, GrpoSettings, RlooSettings
from dajeong.training.grpo import Grpo
from dajeong.training.kto import Kto
from dajeong.training.loop import Loop
from dajeong.training.orpo import Orpo
from dajeong.training.parallel import Parallel, Single
from dajeong.training.ppo import Ppo
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.ppo_step import add_value
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_examples import Choice, Rated, mismatched
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.reward import Reward
from dajeong.training.rloo import Rloo
from dajeong.training.rollout_step import add_policy, add_rewards
from dajeong.training.rollouts import POLICY, REFERENCE, Prompt, Rollouts
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


def drawn_choices(count: int = 30, seed: int = 0) -> list[Choice]:
    """Two to four answers a prompt, in order or with a tie, of unequal weights."""
    draw = random.Random(f"choices {seed}")
    return [_choice(draw) for _ in range(count)]


def _choice(draw: random.Random) -> Choice:
    prompt, size = draw.choices(WORDS, k=draw.randint(3, 8)), draw.randint(2, 4)
    answers = tuple(_answer(prompt, draw) for _ in range(size))
    tied = size > 2 and draw.random() < 0.5
    ranks = [(0, 1), *((place,) for place in range(2, size))] if tied else [(p,) for p in range(size)]
    pairs = [(b, w) for rank, group in enumerate(ranks) for b in group for r in ranks[rank + 1 :] for w in r]
    return Choice(answers, draw.choice([0.5, 1.0, 2.0]), pairs=tuple(pairs), best=ranks[0])


def _answer(prompt: list[int], draw: random.Random) -> Tokens:
    said = [*draw.choices(WORDS, k=draw.randint(1, 8)), END]
    return Tokens([*prompt, *said], [False] * len(prompt) + [True] * len(said))


def drawn_rated(count: int = 60, seed: int = 0) -> list[Rated]:
    """Replies of which more are liked than not, each with another's answer behind it."""
    draw = random.Random(f"rated {seed}")
    answers = [_answer(draw.choices(WORDS, k=draw.randint(3, 8)), draw) for _ in range(count)]
    return [
        Rated(
            (answer, mismatched(index, answers, 128, 3)),
            draw.choice([0.5, 1.0, 2.0]),
            desirable=draw.random() < 0.6,
        )
        for index, answer in enumerate(answers)
    ]


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


def preference_base(models: Path, double: bool = False) -> Base:
    """Policy and reference on one base, equal to the bit."""
    base = fresh_base(models)
    load_role(base.model, POLICY, models / "sft", trainable=True)
    base.model.add_role(REFERENCE, lora_of(models / "sft"), trainable=False, copy_of=POLICY)
    _widen(base, double)
    return base


def _small(micro: int, changed: dict[str, Any]) -> dict[str, Any]:
    values = {"updates": 5, "tokens_per_update": 320, "tokens_per_micro_batch": micro}
    return values | {"optimizer": optimizer()} | changed


def make_dpo(
    models: Path, parallel: Parallel | None = None, *, micro: int = 8192, double: bool = False, **changed: Any
) -> Dpo:
    model = preference_base(models, double).model
    settings = DpoSettings(**_small(micro, changed))
    held_out = drawn_choices(4, seed=1)
    return Dpo(model, drawn_choices(), settings, Roles(POLICY, REFERENCE), 3, parallel, held_out)


def make_kto(
    models: Path, parallel: Parallel | None = None, *, micro: int = 8192, double: bool = False, **changed: Any
) -> Kto:
    model = preference_base(models, double).model
    settings = KtoSettings(**_small(micro, changed))
    held_out = drawn_rated(4, seed=1)
    return Kto(model, drawn_rated(), settings, Roles(POLICY, REFERENCE), 3, parallel, held_out)


def make_orpo(
    models: Path, parallel: Parallel | None = None, *, micro: int = 8192, double: bool = False, **changed: Any
) -> Orpo:
    model = preference_base(models, double).model
    settings = OrpoSettings(**_small(micro, changed))
    roles = Roles(POLICY, together=False)
    return Orpo(model, drawn_choices(), settings, roles, 3, parallel, drawn_choices(4, seed=1))


G = TypeVar("G", bound=GroupPolicy)


def _make_group(
    learner: type[G],
    kind: type[GroupSettings],
    models: Path,
    parallel: Parallel | None,
    *,
    micro: int = 8192,
    double: bool = False,
    native: bool = False,
    **changed: Any,
) -> G:
    """Policy, reference and two reward roles on one base; four replies to each of four prompts."""
    base = fresh_base(models)
    add_policy(base.model, models / "sft")
    judges = {name: models / name for name in ("reward-kind", "reward-firm")}
    notes = add_rewards(base.model, judges)
    _widen(base, double)
    values = ppo_settings(prompts_per_update=4).model_dump(exclude_unset=True, exclude={"value_optimizer"})
    settings = kind(**(values | {"replies_per_prompt": 4, "tokens_per_micro_batch": micro} | changed))
    engine: Engine = NativeEngine(base.model, max_slots=4) if native else Scripted()
    rollouts = Rollouts(base, drawn_prompts(), notes, frozenset({END}), settings, 3, engine, parallel)
    return learner(rollouts, settings)


def make_grpo(models: Path, parallel: Parallel | None = None, **changed: Any) -> Grpo:
    return _make_group(Grpo, GrpoSettings, models, parallel, **changed)


def make_rloo(models: Path, parallel: Parallel | None = None, **changed: Any) -> Rloo:
    return _make_group(Rloo, RlooSettings, models, parallel, **changed)


def paid(algorithm: G, *groups: Sequence[float]) -> G:
    """Its first groups' replies earn what is given, all other replies something else each."""
    draw, given = algorithm.rollouts.experience, [score for group in groups for score in group]

    def scored(*arguments: Any) -> list[Experience]:
        buffer = draw(*arguments)
        for place, e in enumerate(buffer):
            e.score = given[place] if place < len(given) else float(place * place)
        return buffer

    algorithm.rollouts.experience = scored  # type: ignore[method-assign]
    return algorithm


@contextlib.contextmanager
def moved_policy(base: Base, by: float = 0.3) -> Iterator[None]:
    """Inside, the policy is not its reference."""
    layers = list(base.model.role_layers().values())
    before = [layer.B[POLICY].detach().clone() for layer in layers]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            drawn = torch.Generator().manual_seed(number)
            noise = torch.randn(layer.B[POLICY].shape, generator=drawn, dtype=torch.float32)
            layer.B[POLICY].add_(by * noise.to(layer.B[POLICY].dtype))
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, matrix in zip(layers, before, strict=True):
                layer.B[POLICY].copy_(matrix)


MAKERS: Mapping[str, Make] = {
    "sft": make_sft,
    "reward": make_reward,
    "ppo": make_ppo,
    "grpo": make_grpo,
    "rloo": make_rloo,
    "dpo": make_dpo,
    "kto": make_kto,
    "orpo": make_orpo,
}
ONE_EACH = 16
"""A token budget under which almost every example is a micro-batch of its own."""
SOME_EACH = {"sft": 40, "reward": 120, "ppo": 60, "grpo": 30, "rloo": 30, "dpo": 160, "kto": 80, "orpo": 80}
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
        return {name: whole(parameter).clone() for name, parameter in self.loop.optimizer._named()}

    def _watch(self) -> None:
        step, divide = self.loop.optimizer.step, self.loop._global_weights

        def counted(batches: list[Batch]) -> dict[str, float]:
            self.num_micro_batches.append(len(batches))
            return divide(batches)

        def watched(progress: float, trains: Any) -> Any:
            if not self.gradients:
                self.gradients = {n: _gradient(p) for n, p in self.loop.optimizer._named()}
            return step(progress, trains)

        self.loop._global_weights = counted  # type: ignore[method-assign]
        self.loop.optimizer.step = watched  # type: ignore[method-assign]


def _gradient(parameter: torch.nn.Parameter) -> Tensor:
    """Whole, before the step."""
    if hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping"):
        from deepspeed.utils import safe_get_full_grad

        return safe_get_full_grad(parameter).clone()  # type: ignore[no-any-return]
    assert parameter.grad is not None
    return whole(parameter.grad).clone()


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
