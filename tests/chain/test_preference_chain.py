"""DPO, KTO and ORPO through the whole chain: a run, its figures and page, its last model to talk to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_run import SETTINGS, TINY

from dajeong.cli import main
from dajeong.journal import read_journal
from dajeong.messages import choose_language
from dajeong.models.load import last_policy, load_chat
from dajeong.recipe_source import BUILT_IN
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.reply import Writer

KINDS = ("dpo", "kto", "orpo")
CHANGED = {
    "kto": "  kto: {use: kto, policy: sft, data: pairs, updates: 300, max_tokens: 160}\n",
    "orpo": "  orpo: {use: orpo, policy: base, data: pairs, validation: smalltalk/validation_pairs, "
    "updates: 300, max_tokens: 160}\n",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`demo-dpo`, with `kto` and `orpo` beside it, so small that it takes seconds."""
    folder = tmp_path_factory.mktemp("preferences")
    recipe = (BUILT_IN / "demo-dpo.yaml").read_text(encoding="utf-8")
    recipe = recipe.replace("[base, sft, dpo]", "[base, sft, dpo, kto, orpo]")
    recipe = recipe.replace("  evaluate:\n", "".join(CHANGED.values()) + "\n  evaluate:\n")
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    kept = [each for each in SETTINGS if not each.startswith(("ppo.", "reward.", "base.tiny"))]
    more = [f"base.tiny={TINY}", "dpo.checkpoint_every=2"]
    settings = [f"--set={each}" for each in (*kept, *more)]
    assert main(["run", str(folder / "recipe.yaml"), "--out", str(folder / "run"), "--quiet", *settings]) == 0
    choose_language(None)
    return folder / "run"


def test_every_model_is_measured_and_shown(run: Path) -> None:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert {row["model"] for row in results} == {"base", "sft", *KINDS}
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "preference loss" in page and "선호 손실" in page and "odds ratio loss" in page
    for kind in KINDS:
        assert f'"{kind}"' in page or f">{kind}<" in page, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_readings_of_both_sets(run: Path, kind: str) -> None:
    journal = list(read_journal(run / "steps" / kind / "journal.jsonl"))
    updates = [line["loss"] for line in journal if line["event"] == "update"]
    assert len(updates) == 6 and {"accuracy", "chosen_logp", "rejected_logp"} <= updates[0].keys()
    held_out = [line["loss"] for line in journal if line["event"] == "validation"]
    assert bool(held_out) == (kind != "kto") and all("accuracy" in each for each in held_out)


def test_the_runs_last_policy_is_the_one_to_talk_to(run: Path) -> None:
    assert last_policy(run).name == "orpo"
    for kind in KINDS:
        chat = load_chat(str(run / "models" / kind))
        assert chat.role == "policy" and chat.template.name == "koalpaca"
    asked = Dialogue(id="q", messages=(Message(role="user", content="점심 뭐 먹을까?"),))
    (reply,) = Writer(chat, NativeEngine(chat.model)).replies(
        [asked], Decoding(temperature=0, max_new_tokens=4), 0, "orpo"
    )
    assert reply.author == "orpo" and reply.num_tokens


def test_a_second_run_finds_all_done(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(run / "recipe.yaml"), "--out", str(run), "--lang", "en"]) == 0
    choose_language(None)
    assert capsys.readouterr().err.count(": done already") == 9
