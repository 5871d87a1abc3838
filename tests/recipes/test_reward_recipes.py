"""The recipes of VAIV's three reward models: a base of their own, their pairs, and a report at the end."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import invented_downloads as downloads
import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.models.adapters import base_of, notes_of, template_of
from dajeong.recipe import load
from dajeong.records import Dialogue, Message, Preference, Reply, Result
from dajeong.storage import read_records, write_records
from shared_data import SHARED, needs_shared

TINY = "{layers: 1, hidden: 32, heads: 2, vocabulary: 600, positions: 512}"
QUICK = (
    "model=tiny", "threads=1", "scale=0.01", f"base.tiny={TINY}", "base.tokens_per_update=2000",
    "reward.normalise_rows=20", "reward.tokens_per_update=4000", "reward.gate.prompts=30",
    "report.num_probes=5", "report.max_training_pairs=300", "split.held_out=20",
)  # fmt: skip
KINDS = ("talk", "abusive", "translation", "general")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    choose_language(None)


def run(name: str, *more: str) -> int:
    chosen = [each for each in (*QUICK, *more) if name != "friendly-rm-v3" or not each.startswith("split.")]
    return main(["run", name, "--quiet", *(f"--set={setting}" for setting in chosen)])


def records(recipe: str, place: str, kind: Any) -> list[Any]:
    return list(read_records(Path("runs") / recipe / "steps" / f"{place}.jsonl", kind))


def check(recipe: str) -> None:
    """A reward model on its own base, validated while it learned, with a scale and a report."""
    folder = Path("runs") / recipe
    model = folder / "models" / "reward"
    assert Path(base_of(model)[0]) == (folder / "models" / "base").resolve()
    assert (notes_of(model).role, template_of(model).name) == ("reward", "kullm")
    assert notes_of(model).reward_deviation != 1
    journal = (folder / "steps" / "reward" / "journal.jsonl").read_text(encoding="utf-8")
    assert '"validation"' in journal and '"gate"' in journal and "NaN" not in journal
    (accuracy, *_) = records(recipe, "report/results", Result)
    assert accuracy.metric == "accuracy" and "longer-wins" in accuracy.baselines


@needs_shared
def test_the_first_learns_from_vaivs_own_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    some = ("labelled.max_records=30000", "instructions.max_records=20000")  # scaled: 300 and 200
    assert run("friendly-rm-v1", f"data_dir={SHARED / 'vaiv'}", *some) == 0
    check("friendly-rm-v1")
    assert len(records("friendly-rm-v1", "test/records", Preference)) == 67 - 2, "two have an empty answer"
    assert len(records("friendly-rm-v1", "split/held_out", Preference)) == 20


def write_second(folder: Path) -> None:
    """What `friendly-rm-v2` reads, invented."""
    texts, draw = downloads.Texts(3), random.Random(3)
    talks = [
        Dialogue(
            id=f"t{n}",
            messages=(
                Message(role="user", content=texts.text()), Message(role="assistant", content=texts.text())
            ),
        )
        for n in range(30)
    ]  # fmt: skip
    write_records(folder / "runs/friendly-sft/steps/instructions/records.jsonl", talks)
    replies = [
        Reply(
            id=f"{author}-{n}", prompt_id=f"p{n}", prompt=(Message(role="user", content=prompt),),
            content=texts.text(draw.randint(3, 9)), author=author, kind=KINDS[2 + n % 2],
        )
        for n, prompt in enumerate(texts.text() for _ in range(80))
        for author in ("chatgpt", "sft")
    ]  # fmt: skip
    write_records(folder / "rm-replies.jsonl", replies)
    rows = [
        {"id": f"{name}{n}", "prompt": texts.text(), "chosen": texts.text(), "rejected": texts.text()}
        for name in ("conversation", "hatespeech")
        for n in range(150)
    ]
    (folder / "human-pairs.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def test_the_second_takes_ranks_by_author_and_people_the_third_leaves_abuse_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_second(tmp_path)
    assert run("friendly-rm-v2", "split.test=30") == 0
    check("friendly-rm-v2")
    ranked = records("friendly-rm-v2", "machine/preferences", Preference)
    assert len(ranked) == 80
    assert all(each.responses[each.ranking[0][0]].author == "chatgpt" for each in ranked)
    learned = records("friendly-rm-v2", "split/records", Preference)
    assert {each.kind for each in learned} == {*KINDS}
    assert {each.labelled_by for each in learned} == {"rule:chatgpt>sft", "human:vaiv"}

    assert run("friendly-rm-v3") == 0
    check("friendly-rm-v3")
    third = records("friendly-rm-v3", "pairs/records", Preference)
    assert {each.kind for each in third} == {"talk", "general"}
    assert {each.id for each in third} < {each.id for each in learned}
    tested = records("friendly-rm-v3", "test/records", Preference)
    assert {each.kind for each in tested} == {*KINDS}


@needs_shared
def test_a_larger_base_and_another_weight_of_the_rule_are_one_setting_each() -> None:
    data, large = f"data_dir={SHARED / 'vaiv'}", "model=EleutherAI/polyglot-ko-5.8b"
    overrides = [data, large, 'reward.labels.annotators={"judge": 0.5}']
    steps = {step.name: step for step in load("friendly-rm-v1", overrides).steps}
    assert steps["base"].settings.model_dump()["model"] == "EleutherAI/polyglot-ko-5.8b"
    assert steps["reward"].settings.model_dump()["labels"]["annotators"] == {"judge": 0.5}
