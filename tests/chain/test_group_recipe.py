"""A recipe with `grpo` and `rloo` where the demo has `ppo`: it runs, is measured, reported, and talked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_run import TINY, Nursery

from dajeong.messages import choose_language
from dajeong.models.adapters import notes_of
from dajeong.models.load import load_chat
from dajeong.records import Decoding, Message, Result
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.reply import Writer

FEW = """\
policy: sft, rewards: {reward: 1.0}, rules: {friendly: 0.5}, prompts: smalltalk/ppo_prompts,
    guard_prompts: smalltalk/validation_prompts, updates: 2, prompts_per_update: 3, replies_per_prompt: 3,
    decoding: {max_new_tokens: 12}, optimizer: {learning_rate: 0.05}"""

RECIPE = f"""\
name: groups
model: tiny
template: koalpaca
threads: 1
steps:
  smalltalk:
    {{use: smalltalk, num_texts: 80, num_sft: 80, num_pairs: 60, num_ppo_prompts: 40, num_test_prompts: 12}}
  base: {{use: base, text: smalltalk/text, updates: 10, max_tokens: 160, tiny: {TINY}}}
  sft:
    {{use: sft, model: base, data: smalltalk/sft, updates: 6, max_tokens: 160,
    optimizer: {{learning_rate: 0.02}}}}
  reward:
    {{use: reward, model: sft, data: smalltalk/contrasts, normalise: smalltalk/sft,
    updates: 4, max_tokens: 160}}
  grpo: {{use: grpo, {FEW}}}
  rloo: {{use: rloo, {FEW}}}
  evaluate:
    use: evaluate
    models: [sft, grpo, rloo]
    prompts: smalltalk/test_prompts
    decoding: {{temperature: 0.8, max_new_tokens: 12}}
    base_format: null
"""


@pytest.fixture(scope="module")
def run(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups")
    (folder / "groups.yaml").write_text(RECIPE, encoding="utf-8")
    given = ["run", str(folder / "groups.yaml"), "--out", str(folder / "run"), "--lang", "en"]
    done = nursery.run(given, page=True)
    choose_language(None)
    assert done.code == 0, done.err
    return folder / "run"


def journal(run: Path, step: str) -> list[dict[str, Any]]:
    lines = (run / "steps" / step / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("step", ["grpo", "rloo"])
def test_the_step_leaves_a_policy_and_its_diary(run: Path, step: str) -> None:
    rollouts = [entry for entry in journal(run, step) if entry["event"] == "rollout"]
    assert [entry["rollout"] for entry in rollouts] == [1, 2] and rollouts[0]["kl"] == 0.0
    assert all(
        {"reward", "raw/reward-reward", "spread", "equal_groups"} <= entry.keys() for entry in rollouts
    )
    assert [e["rollout"] for e in journal(run, step) if e["event"] == "guard"] == [1, 2]
    assert notes_of(run / "models" / step).role == "policy"
    card = (run / "models" / step / "README.md").read_text(encoding="utf-8")
    assert step in card and "replies_per_prompt" in card
    weights = {
        name: (run / "models" / name / "adapter_model.safetensors").read_bytes() for name in ("sft", step)
    }
    assert weights["sft"] != weights[step]


def test_a_run_is_talked_to_through_its_last_policy(run: Path) -> None:
    chat = load_chat(str(run))
    assert chat.name == "rloo" and chat.role == "policy"
    stream = Writer(chat, NativeEngine(chat.model)).stream(
        (Message(role="user", content="점심 뭐 먹을까?"),), Decoding(max_new_tokens=6), 0
    )
    assert isinstance("".join(stream), str)


def test_it_is_measured_and_reported_like_any_model(run: Path) -> None:
    rows = [
        Result.model_validate(row) for row in json.loads((run / "results.json").read_text(encoding="utf-8"))
    ]
    assert {row.model for row in rows} == {"sft", "grpo", "rloo"}
    page = (run / "report.html").read_text(encoding="utf-8")
    for words in ("share of groups with equal rewards", "deviation of rewards in a group", "pull to SFT"):
        assert words in page
