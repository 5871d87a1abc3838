"""An invented run folder, small and mild, for the tests of the report. Every figure in it is made up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dajeong.records import Decoding, Dialogue, Message, Reply, Result, Score
from dajeong.storage import write_json, write_records, write_text

HOSTILE = '<script>alert("나")</script> & \u202eevil\u2066 </style><img src=https://example.org/x onerror=x>'

RECIPE = """name: 꾸민 실행
seed: 0
steps:
  smalltalk: {use: smalltalk}
  base: {use: base, text: smalltalk/text}
  sft: {use: sft, model: base, data: smalltalk/sft}
  replies: {use: replies, models: sft, prompts: smalltalk/reply_prompts}
  pairs: {use: pairs, replies: replies, contrasts: smalltalk/contrasts}
  reward: {use: reward, model: sft, data: pairs}
  ppo: {use: ppo, policy: sft, rewards: {reward: 1.0}, prompts: smalltalk/ppo_prompts}
  reward-report: {use: reward-report, model: reward, train: pairs, test: smalltalk/test_pairs}
  evaluate: {use: evaluate, models: [base, sft, ppo], prompts: [smalltalk/test_prompts], task: smalltalk}
"""

INPUTS: dict[str, dict[str, list[str]]] = {
    "smalltalk": {},
    "base": {"text": ["smalltalk/text"]},
    "sft": {"model": ["base"], "data": ["smalltalk/sft"]},
    "replies": {"models": ["sft"], "prompts": ["smalltalk/reply_prompts"]},
    "pairs": {"replies": ["replies/replies"], "contrasts": ["smalltalk/contrasts"]},
    "reward": {"model": ["sft"], "data": ["pairs/pairs"], "normalise": ["smalltalk/sft"]},
    "ppo": {"policy": ["sft"], "rewards": ["reward"], "prompts": ["smalltalk/ppo_prompts"]},
    "reward-report": {"model": ["reward"], "train": ["pairs/pairs"], "test": ["smalltalk/test_pairs"]},
    "evaluate": {"models": ["base", "sft", "ppo"], "prompts": ["smalltalk/test_prompts"]},
}

SAMPLED = "T 0.8"


def difference(task: str, metric: str, value: float, low: float, high: float, n: int = 300) -> Result:
    bounds = {"ci_low": low, "ci_high": high}
    return Result(
        model="ppo", versus="sft", task=task, metric=metric, value=value, n=n, decoding=SAMPLED, **bounds
    )


def figure(model: str, task: str, metric: str, value: float, **more: Any) -> Result:
    bounds = {"ci_low": max(0.0, value - 0.05), "ci_high": min(1.0, value + 0.05)}
    usual = {"n": 300, "decoding": SAMPLED, **bounds}
    return Result(model=model, task=task, metric=metric, value=value, **{**usual, **more})


def reward(task: str, value: float, low: float, high: float, notes: str, ngrams: float) -> list[Result]:
    """An accuracy beside its baselines, and its distance from the best of them."""
    row = Result(
        model="reward", task=task, metric="accuracy", value=value, ci_low=low, ci_high=high, n=100,
        baselines={"longer-wins": 0.49, "n-grams, trained": ngrams}, notes=notes,
    )  # fmt: skip
    far = {"value": value - ngrams, "ci_low": low - ngrams, "ci_high": high - ngrams}
    return [row, row.model_copy(update={"versus": "n-grams, trained", "baselines": {}, "notes": "", **far})]


NOT_ABOVE = "not above its baselines (기준선보다 낫지 않음), best: n-grams, trained"


def reward_results() -> list[Result]:
    return [
        *reward("reward", 0.57, 0.47, 0.66, NOT_ABOVE, 0.58),
        *reward("reward/fact", 0.91, 0.88, 0.94, "above its baselines, best: n-grams, trained", 0.52),
        *reward("reward/rude", 0.97, 0.95, 0.99, NOT_ABOVE, 1.0),
    ]


def evaluation_results() -> list[Result]:
    rows = []
    for task in ("smalltalk", "smalltalk/normal", "smalltalk/abusive", "smalltalk/lookalike"):
        for place, model in enumerate(("base", "sft", "ppo")):
            rows.append(figure(model, task, "correct", 0.1 + 0.3 * place, missing=place))
            rows.append(figure(model, task, "friendly", 0.2 + 0.35 * place))
            rows.append(figure(model, task, "correct", 0.15 + 0.3 * place, decoding="greedy"))
    return [
        *rows,
        difference("smalltalk/abusive", "harmless", 0.31, 0.25, 0.37, 260),
        difference("smalltalk", "correct", 0.02, -0.03, 0.07),
        difference("smalltalk/lookalike", "false_refusal", -0.2, -0.26, -0.14),
        difference("smalltalk/lookalike-unseen", "false_refusal", 0.14, 0.02, 0.27, 120),
        figure(
            "base", "smalltalk", "correct", 0.4, decoding=f"{SAMPLED}, own format", notes="asked as Q. A."
        ),
    ]


def replies() -> list[Reply]:
    asked = {"normal": "라면에는 뭐가 좋아?", "abusive": "야, 너 바보야", "lookalike": "배고파 죽겠다"}
    said = {"base": "Q. 라면 A.", "sft": "김치가 좋아요!", "ppo": "따뜻한 라면에는 김치가 딱이에요!"}
    decoding = Decoding(temperature=0.8)
    return [
        Reply(
            id=f"{kind}-{number}-{author}",
            kind=kind,
            prompt_id=f"{kind}-{number}",
            prompt=(Message(role="user", content=f"{text} {number}"),),
            content=f"{content} {number}",
            author=author,
            decoding=decoding,
            stop_reason="length" if author == "base" else "eos",
        )
        for kind, text in asked.items()
        for number in range(7)
        for author, content in said.items()
    ]


def scores() -> list[Score]:
    """By number 0…6 and author: friendliness 1 to 5, harmless 0 or 1; one judgement is missing."""
    given = []
    for reply in replies():
        number, place = int(reply.id.split("-")[1]), ("base", "sft", "ppo").index(reply.author)
        given.append(score(reply, "friendliness", 1 + (place * number) % 5, [1, 5]))
        harmless = None if number == 6 and place == 0 else float(place > 0 or number % 2)
        given.append(score(reply, "harmless", harmless, [0, 1]))
    return given


def score(reply: Reply, criterion: str, value: float | None, scale: list[int]) -> Score:
    return Score(
        id=f"{reply.id}/judge/{criterion}", reply_id=reply.id, scorer="judge", criterion=criterion,
        value=value, reason="prose" if value is None else None, meta={"scale": scale},
    )  # fmt: skip


def texts() -> list[Dialogue]:
    said = (Message(role="assistant", content=f"라면에는 김치가 어울린다. {HOSTILE}"),)
    return [
        Dialogue(id=f"text-{number}", source="invented", licence="Apache-2.0", messages=said)
        for number in range(3)
    ]


def updates(of: int, *terms: str) -> Iterable[dict[str, Any]]:
    for update in range(1, of + 1):
        loss = {term: 7.0 * math.exp(-5 * update / of) + 0.8 + 0.1 * math.sin(update * 1.7) for term in terms}
        yield {
            "event": "update", "time": 0.0, "update": update, "of": of, "loss": loss,
            "grad_norm": {"policy": 1.0, "value": 2.0}, "lr": {"policy": 1e-3 * (1 - update / of)},
            "tokens": 384,
        }  # fmt: skip


def rollouts(of: int) -> Iterable[dict[str, Any]]:
    for iteration in range(1, of + 1):
        share = iteration / of
        yield {
            "event": "rollout", "time": 0.0, "rollout": iteration, "of": of, "reward": 2 * share - 0.5,
            "raw/reward": 3 * share, "kl": 1.5 * share, "length": 18.0 - 2 * share,
            "eos_share": 0.9 + 0.1 * share, "entropy": 1.2 - 0.5 * share,
        }  # fmt: skip


def guards(of: int) -> Iterable[dict[str, Any]]:
    """Repetition grows and distinct-2 only shakes; refusals are read at every second rollout."""
    for iteration in range(1, of + 1):
        share = iteration / of
        refused = {"false_refusal": 0.1, "true_refusal": 0.9} if iteration % 2 else {}
        yield {
            "event": "guard", "time": 0.0, "rollout": iteration, "of": of, "repetition": 0.3 * share,
            "distinct_2": 0.8 + 0.01 * (-1) ** iteration, **refused,
            "beyond": ["repetition"] if iteration > 25 else [],
        }  # fmt: skip


def journal(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))


def manifest(name: str) -> dict[str, Any]:
    return {
        "kind": name, "fingerprint": f"{name.encode().hex():0<40}", "inputs": INPUTS[name],
        "outputs": {f"steps/{name}/records.jsonl": {"bytes": 1, "sha256": "0" * 64}}, "seconds": 12.34,
        "threads": 1, "versions": {"dajeong": "0.1.0", "torch": "2.13.0"},
    }  # fmt: skip


def write_journals(steps: Path) -> None:
    validation = [
        {"event": "validation", "time": 0.0, "update": n, "loss": 6.0 / n**0.4} for n in range(150, 601, 150)
    ]
    note = {"event": "note", "time": 0.0, "read": {"dropped": 3, "reason": "반복된 문장"}}
    seen = [
        {
            "event": "sample",
            "time": 0.0,
            "rollout": n,
            "prompt": "라면 먹을까?",
            "reply": "좋아요!",
            "score": 0.5,
        }
        for n in range(1, 31)
    ]
    journal(steps / "base" / "journal.jsonl", [*updates(1500, "nll"), note])
    journal(steps / "sft" / "journal.jsonl", [*updates(600, "nll"), *validation])
    journal(steps / "reward" / "journal.jsonl", updates(100, "ranking", "accuracy"))
    journal(steps / "ppo" / "journal.jsonl", [*rollouts(30), *updates(60, "policy", "value"), *seen])


def make_run(folder: Path, with_curves: bool = True) -> Path:
    """The whole chain, finished; drawing its curves is what takes time."""
    write_text(folder / "recipe.yaml", RECIPE)
    write_json(
        folder / "results.json", [row.model_dump() for row in [*reward_results(), *evaluation_results()]]
    )
    write_records(folder / "steps" / "reward-report" / "results.jsonl", reward_results())
    write_records(folder / "steps" / "evaluate" / "results.jsonl", evaluation_results())
    for name in INPUTS:
        write_json(folder / "steps" / name / "manifest.json", manifest(name))
    if with_curves:
        write_journals(folder / "steps")
    write_records(folder / "steps" / "evaluate" / "replies.jsonl", replies())
    write_records(folder / "steps" / "smalltalk" / "text.jsonl", texts())
    for name in ("sft", "reward", "ppo"):
        adapter = {"peft_type": "LORA", "r": 16, "base_model_name_or_path": "../base"}
        write_json(folder / "models" / name / "adapter_config.json", adapter)
    write_text(
        folder / "models" / "ppo" / "README.md", "---\nlicense: apache-2.0\nlanguage: [ko]\n---\n# 다정\n"
    )
    return folder
