"""The smallest real example of every named part: a tiny base, a few rows, an instance of each algorithm.

A new part gets its example here; the suite that runs over the tables says so when one is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from dajeong.models.adapters import AdapterNotes, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Decoding, Dialogue, Message, Preference, Reply, Response
from dajeong.templates import TEMPLATES
from dajeong.training.algorithm import Algorithm
from dajeong.training.examples import examples_of, ranked_of
from dajeong.training.group_settings import GroupSettings, GrpoSettings, RlooSettings
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.preference_batches import Roles
from dajeong.training.preference_examples import choices_of, rated_of, ratings_of
from dajeong.training.preference_settings import DpoSettings, KtoSettings, OrpoSettings
from dajeong.training.settings import OptimizerSettings, RewardSettings, SftSettings

QUESTIONS = (
    "점심 뭐 먹을까?",
    "부산 어디가 좋아?",
    "비 오는 날엔 뭐 하지?",
    "너는 참 바보야.",
    "오늘 힘들었어.",
)
ANSWERS = (
    "김치찌개가 좋겠어요.",
    "해운대가 좋아요!",
    "책을 읽어 봐요.",
    "고운 말로 이야기해요.",
    "푹 쉬어요.",
)
SHAPE = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=128)
TEMPLATE = TEMPLATES["alpaca_short"]
LORA = LoraSettings(rank=2, dropout=0.2)
QUICK = OptimizerSettings(learning_rate=0.02)


def asked(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def answered(question: str, answer: str) -> tuple[Message, ...]:
    return (*asked(question), Message(role="assistant", content=answer))


DIALOGUES = [
    Dialogue(id=f"d{number}", messages=answered(question, answer))
    for number, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
]
PROMPTS = [
    Dialogue(id=f"p{number}", kind=kind, meta=meta, messages=asked(question))
    for number, (question, kind, meta) in enumerate(
        zip(
            QUESTIONS,
            ("normal", "normal", "lookalike", "abusive", "normal"),
            ({"fact": "김치찌개"}, {"fact": "해운대"}, {}, {}, {}),
            strict=True,
        )
    )
]
PREFERENCES = [
    Preference(
        id=f"r{number}",
        kind=("fact", "rude")[number % 2],
        prompt=asked(question),
        responses=(Response(content=answer), Response(content="몰라."), Response(content="꺼져.")),
        ranking=((0,), (1, 2)),
    )
    for number, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
]


def replies(texts: tuple[str, ...] = ANSWERS) -> list[Reply]:
    return [
        Reply(
            id=f"a{number}",
            kind=prompt.kind,
            meta=prompt.meta,
            prompt_id=prompt.id,
            prompt=prompt.messages,
            content=text,
            author="someone",
        )
        for number, (prompt, text) in enumerate(zip(PROMPTS, texts, strict=True))
    ]


def write_base(folder: Path) -> None:
    write_tiny(folder, [*QUESTIONS, *ANSWERS] * 3, SHAPE, seed=0)


def write_judge(folder: Path) -> None:
    """A base that can read a judge's long question."""
    write_tiny(folder, [*QUESTIONS, *ANSWERS] * 3, SHAPE.model_copy(update={"positions": 4096}), seed=0)


def moved(base: Base, role: str, seed: int, *, head: bool = False) -> None:
    """A role that answers otherwise than the bare base, as if it had been trained."""
    base.model.add_role(role, LoraSettings(rank=2), trainable=False, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in base.model.role_layers().values():
            layer.B[role].normal_(0, 0.5, generator=generator)
    if head:
        base.model.add_head(role, trainable=False, seed=seed)


def write_reward(base_folder: Path, folder: Path) -> None:
    base = load_base(str(base_folder))
    moved(base, "reward", 7, head=True)
    save_role(base, "reward", folder, TEMPLATE, AdapterNotes(role="reward", max_tokens=96))


# --- an instance of every algorithm


def _sft(part: Any, base: Base, budget: int = 60) -> Algorithm:
    base.model.add_role("sft", LORA, trainable=True, seed=1)
    base.model.learning()
    tokens = examples_of(DIALOGUES, TEMPLATE, base.tokenizer, 96).tokens
    settings = SftSettings(updates=6, tokens_per_update=150, tokens_per_micro_batch=budget)
    algorithm: Algorithm = part(base.model, "sft", tokens, settings, QUICK, 0, None, tokens[:2])
    return algorithm


def _reward(part: Any, base: Base, budget: int = 150) -> Algorithm:
    base.model.add_role("reward", LORA, trainable=True, seed=1)
    base.model.add_head("reward", trainable=True, seed=1)
    ranked = ranked_of(PREFERENCES, TEMPLATE, base.tokenizer, 96)
    settings = RewardSettings(
        updates=5, tokens_per_update=500, tokens_per_micro_batch=budget, centring=0.01, optimizer=QUICK
    )
    algorithm: Algorithm = part(base.model, ranked, settings, 0)
    return algorithm


def _ppo(part: Any, base: Base, budget: int = 150) -> Algorithm:
    from dajeong.rollout.native import NativeEngine
    from dajeong.training.rollouts import Prompt, Rollouts

    model = base.model
    moved(base, "sft", 3)
    moved(base, "reward-r", 7, head=True)
    model.add_role("policy", LoraSettings(rank=2), trainable=True, copy_of="sft")
    model.add_role("value", LoraSettings(rank=2), trainable=True, copy_of="reward-r")
    model.add_head("value", trainable=True)
    prompts = [Prompt(p.id, prompt_ids(p.messages, TEMPLATE, base.tokenizer)) for p in PROMPTS]
    settings = PpoSettings(
        rewards={"r": 1.0},
        updates=2,
        prompts_per_update=3,
        epochs=2,
        mini_batches=2,
        decoding=Decoding(max_new_tokens=8),
        tokens_per_micro_batch=budget,
        optimizer=QUICK,
    )
    stops, notes = stop_ids(TEMPLATE, base.tokenizer), {"reward-r": AdapterNotes(role="reward")}
    rollouts = Rollouts(base, prompts, notes, stops, settings, 0, NativeEngine(model))
    algorithm: Algorithm = part(rollouts, settings)
    return algorithm


def _group(part: Any, base: Base, settings: GroupSettings) -> Algorithm:
    from dajeong.rollout.native import NativeEngine
    from dajeong.training.rollouts import Prompt, Rollouts

    moved(base, "sft", 3)
    moved(base, "reward-r", 7, head=True)
    base.model.add_role("policy", LoraSettings(rank=2), trainable=True, copy_of="sft")
    prompts = [Prompt(p.id, prompt_ids(p.messages, TEMPLATE, base.tokenizer)) for p in PROMPTS]
    stops, notes = stop_ids(TEMPLATE, base.tokenizer), {"reward-r": AdapterNotes(role="reward")}
    rollouts = Rollouts(base, prompts, notes, stops, settings, 0, NativeEngine(base.model))
    algorithm: Algorithm = part(rollouts, settings)
    return algorithm


def _of_groups(budget: int) -> dict[str, Any]:
    return {
        "rewards": {"r": 1.0},
        "updates": 2,
        "prompts_per_update": 2,
        "replies_per_prompt": 3,
        "epochs": 2,
        "mini_batches": 2,
        "decoding": Decoding(max_new_tokens=8),
        "tokens_per_micro_batch": budget,
        "optimizer": QUICK,
    }


def _grpo(part: Any, base: Base, budget: int = 150) -> Algorithm:
    return _group(part, base, GrpoSettings(**_of_groups(budget)))


def _rloo(part: Any, base: Base, budget: int = 150) -> Algorithm:
    return _group(part, base, RlooSettings(**_of_groups(budget)))


def _followed(base: Base) -> Roles:
    """A policy that has left its reference behind, so that no term of a loss is 0."""
    moved(base, "sft", 3)
    moved(base, "policy", 4)
    for parameter in base.model.parameters_of("policy").values():
        parameter.requires_grad_(True)
    base.model.trainable.add("policy")
    return Roles("policy", "sft")


def _dpo(part: Any, base: Base, budget: int = 150) -> Algorithm:
    roles = _followed(base)
    choices, _ = choices_of(PREFERENCES, TEMPLATE, base.tokenizer, 96)
    settings = DpoSettings(
        updates=5, tokens_per_update=500, tokens_per_micro_batch=budget, sft_coefficient=0.1, optimizer=QUICK
    )
    algorithm: Algorithm = part(base.model, choices, settings, roles, 0, None, choices[:2])
    return algorithm


def _kto(part: Any, base: Base, budget: int = 150) -> Algorithm:
    roles = _followed(base)
    rated, _ = rated_of(list(ratings_of(PREFERENCES)), TEMPLATE, base.tokenizer, 96, 0)
    settings = KtoSettings(updates=5, tokens_per_update=300, tokens_per_micro_batch=budget, optimizer=QUICK)
    algorithm: Algorithm = part(base.model, rated, settings, roles, 0, None, rated[:3])
    return algorithm


def _orpo(part: Any, base: Base, budget: int = 150) -> Algorithm:
    roles = _followed(base)._replace(reference=None, together=False)
    choices, _ = choices_of(PREFERENCES, TEMPLATE, base.tokenizer, 96)
    settings = OrpoSettings(updates=5, tokens_per_update=500, tokens_per_micro_batch=budget, optimizer=QUICK)
    algorithm: Algorithm = part(base.model, choices, settings, roles, 0, None, choices[:2])
    return algorithm


ALGORITHMS: Mapping[str, Callable[..., Algorithm]] = {
    "sft": _sft,
    "reward": _reward,
    "ppo": _ppo,
    "grpo": _grpo,
    "rloo": _rloo,
    "dpo": _dpo,
    "kto": _kto,
    "orpo": _orpo,
}
"""Name → (the part, a base of its own, tokens of a forward) → a fresh instance, the same every time."""
