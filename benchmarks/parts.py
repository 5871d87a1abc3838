"""The comparisons: who takes part, what must agree, which ratios come of it.

Knows answers of measured processes, neither models nor how they are run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from peer_environment import PINS, TRL_PINS, TRL_PPO_PINS
from rounds import OURS, PEER, Row, largest_gap, reached

PLAIN = "ours, plain"
GROUPED, DEFAULT, PACKING = "Trainer, grouped", "TRL, default", "TRL, packing"
ENVIRONMENTS = {"transformers": PINS, "trl": TRL_PINS, "trl-1.12": TRL_PPO_PINS}
TARGETS = {
    "sft_vs_hf_trainer_grouped": 1.3,
    "sft_vs_trl_default": 3.5,
    "sft_vs_trl_packing": 2.7,
    "reward_vs_trl": 2.0,
    "ppo_vs_trl_1_12": 2.5,
    "generate_vs_hf_b1": 1.5,
    "generate_vs_hf_b16": 1.3,
    "generate_vs_hf_b64": 1.2,
    "generate_useful_tokens": 1.7,
    "seconds_to_loss": 0.85,
}
TARGETS |= {f"{name}_mid": target for name, target in TARGETS.items()}
"""The same in both shapes."""

Answers = Mapping[str, Any]
"""Side → what its process answered."""
Loads = Mapping[str, float]
"""Side → the load average before it was asked."""


class Part(NamedTuple):
    name: str
    settings: str
    """Its section of the settings."""
    sides: dict[str, tuple[str, ...]]
    """Side → environment, script, arguments behind the material's folder."""
    agree: Callable[[Answers], dict[str, Any]]
    """What the warm-ups' answers say about both doing the same work; raises where they do not."""
    compare: Callable[[Answers], dict[str, Any]]
    """The same of a round's answers."""
    rows: Callable[[Answers, Loads, Path], list[Row]]
    """The cells of a round."""


def nothing(answers: Answers) -> dict[str, Any]:
    return {}


def first_losses(answers: Answers) -> dict[str, Any]:
    """The first update of all sides is on the same examples from the same start."""
    losses = {side: answer["losses"][0] for side, answer in answers.items()}
    for side, loss in losses.items():
        gap = largest_gap([loss], [losses[OURS]])
        assert gap < 1e-5, f"the first losses of ours and {side} differ by {gap:.1e}: not the same work"
    return {"first_loss": losses}


def same_losses(answers: Answers) -> dict[str, Any]:
    """Ours and the Trainer's see the same updates, so all their losses are alike."""
    gaps = {side: largest_gap(answers[side]["losses"], answers[GROUPED]["losses"]) for side in (OURS, PLAIN)}
    assert max(gaps.values()) < 1e-2, f"later losses differ: {gaps}"
    return {"largest_relative_loss_gap": gaps}


def row(name: str, side: str, answer: Mapping[str, Any], count: int, **also: Any) -> Row:
    seconds = {key: round(answer[key], 4) for key in ("cpu_seconds", "wall_seconds") if key in answer}
    return {"name": name, "side": side, **seconds, "count": count, **also}


def against(answers: Answers, loads: Loads, count: int, names: Mapping[str, tuple[str, str]]) -> list[Row]:
    """Ratio → (which of ours, which peer); one measurement of ours may stand in several ratios."""
    return [
        row(name, side, answers[who], count, load_before=loads[who])
        for name, pair in names.items()
        for side, who in zip((OURS, PEER), pair, strict=True)
    ]


def sft_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
    tokens = sum(len(examples[index]["ids"]) for group in groups for index in group)
    names = {
        "sft_vs_hf_trainer_grouped": (OURS, GROUPED),
        "sft_plain_vs_hf_trainer_grouped": (PLAIN, GROUPED),
        "sft_vs_trl_default": (OURS, DEFAULT),
        "sft_vs_trl_packing": (OURS, PACKING),
    }
    taking_part = {name: pair for name, pair in names.items() if set(pair) <= set(answers)}
    return against(answers, loads, tokens, taking_part)


def reward_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    pairs = json.loads((folder / "pairs.json").read_text(encoding="utf-8"))
    names = {"reward_vs_trl": (OURS, DEFAULT), "reward_plain_vs_trl": (PLAIN, DEFAULT)}
    return against(answers, loads, len(pairs), names)


def ppo_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    ppo = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["ppo"]
    names = {"ppo_vs_trl_1_12": (OURS, DEFAULT), "ppo_plain_vs_trl_1_12": (PLAIN, DEFAULT)}
    return against(answers, loads, ppo["prompts"] * ppo["rollouts"], names)


def same_rollouts(answers: Answers) -> dict[str, Any]:
    """As many rollouts and as many trained weights, and all begin at the reference."""
    told = {
        side: {key: answer[key] for key in ("rollouts", "trained", "first_kl")}
        for side, answer in answers.items()
    }
    assert len({(each["rollouts"], each["trained"]) for each in told.values()}) == 1, told
    assert max(abs(each["first_kl"]) for each in told.values()) < 1e-2, told
    return {"rollouts": told}


def same_replies(answers: Answers) -> dict[str, Any]:
    """Both wrote the same tokens, call by call."""
    assert written(answers[OURS]) == written(answers[PEER]), "the two sides wrote different tokens"
    return {"tokens_equal": True}


def written(answer: Mapping[str, Any]) -> list[Any]:
    """The tokens of every reply, whether or not they are parted by the size of a batch."""
    return [answer["tokens"]] if "tokens" in answer else [each["tokens"] for each in answer.values()]


def generate_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    rows = []
    for side, answer in answers.items():
        for size, found in answer.items():
            tokens = sum(len(ids) for call in found["tokens"] for ids in call)
            name = f"generate_vs_hf_b{size}"
            rows.append(row(name, side, found, tokens, load_before=loads[side]))
    return rows


def useful_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    tokens = sum(map(len, answers[OURS]["tokens"]))
    return against(answers, loads, tokens, {"generate_useful_tokens": (OURS, PEER)})


def loss_rows(answers: Answers, loads: Loads, folder: Path) -> list[Row]:
    """Seconds until a side's loss is first at or below the peer's last."""
    mark = answers[PEER]["curve"][-1][1]
    rows = []
    names = {"seconds_to_loss": (OURS, PEER), "seconds_to_loss_plain": (PLAIN, PEER)}
    for name, pair in names.items():
        for side, who in zip((OURS, PEER), pair, strict=True):
            seconds = reached(answers[who]["curve"], mark)
            assert seconds is not None, f"{who} never came to a loss of {mark}"
            also = {"mark": round(mark, 4), "load_before": loads[who]}
            rows.append(row(name, side, {"cpu_seconds": seconds}, 1, **also))
    return rows


def same_starts(answers: Answers) -> dict[str, Any]:
    """Before the first update both are the base, on the same held-out answers."""
    starts = {side: answer["start"] for side, answer in answers.items()}
    assert max(largest_gap([start], [starts[OURS]]) for start in starts.values()) < 1e-5, starts
    return {"validation_loss_at_start": starts}


def two(script: str, peer: tuple[str, ...], peer_name: str) -> dict[str, tuple[str, ...]]:
    """Ours with and without thrift, and a peer."""
    return {
        OURS: (OURS, script, "thrifty"),
        PLAIN: (OURS, script, "plain"),
        peer_name: peer,
    }


PARTS = {
    part.name: part
    for part in (
        Part(
            "sft",
            "sft",
            two("_ours/sft.py", ("transformers", "_peers/sft_trainer.py"), GROUPED),
            first_losses,
            same_losses,
            sft_rows,
        ),
        Part(
            "sft_trl",
            "sft",
            {
                OURS: (OURS, "_ours/sft.py", "thrifty"),
                DEFAULT: ("trl", "_peers/sft_trl.py", "default"),
                PACKING: ("trl", "_peers/sft_trl.py", "packing"),
            },
            first_losses,
            nothing,
            sft_rows,
        ),
        Part(
            "reward",
            "reward",
            two("_ours/reward.py", ("trl", "_peers/reward_trl.py"), DEFAULT),
            first_losses,
            nothing,
            reward_rows,
        ),
        Part(
            "ppo",
            "ppo",
            two("_ours/ppo.py", ("trl-1.12", "_peers/ppo_trl.py"), DEFAULT),
            same_rollouts,
            same_rollouts,
            ppo_rows,
        ),
        Part(
            "generate",
            "generate",
            {OURS: (OURS, "_ours/generate.py"), PEER: ("transformers", "_peers/generate.py")},
            nothing,
            same_replies,
            generate_rows,
        ),
        Part(
            "useful",
            "useful",
            {OURS: (OURS, "_ours/useful.py"), PEER: ("transformers", "_peers/useful.py")},
            nothing,
            same_replies,
            useful_rows,
        ),
        Part(
            "loss",
            "loss",
            two("_ours/loss.py", ("transformers", "_peers/loss.py"), PEER),
            same_starts,
            same_starts,
            loss_rows,
        ),
    )
}
