"""A newcomer adds a source, a template and an algorithm, each a file and a line of a table, and runs them.

The files are written here as a newcomer would write them; the lines are put into the tables for one test.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import small_parts
from small_parts import ANSWERS, QUESTIONS

from dajeong import catalog, steps
from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.models.load import load_chat
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.reply import Writer
from dajeong.storage import read_records

SOURCE = '''
"""Rows of `{q, a}`."""
from dajeong.data.rows import Bad
from dajeong.data.sources import Source
from dajeong.records import Dialogue, Message, content_id

def questions(name, row):
    if "q" not in row or "a" not in row:
        raise Bad("row-field", field="q / a", columns=", ".join(row))
    messages = (Message(role="user", content=row["q"]), Message(role="assistant", content=row["a"]))
    return [Dialogue(id=content_id(name, row["q"]), source=name, messages=messages)]

QUESTIONS = Source(questions, "CC0-1.0")
'''

TEMPLATE = '''
"""`질문> … 답>`."""
from dajeong.templates import Block, InstructionTemplate

ASK = Block(header="", turn="질문> {instruction}\\n답> ")
WITH = Block(header="", turn="질문> {instruction}\\n참고> {input}\\n답> ")
ARROW = InstructionTemplate(name="arrow", without_context=ASK, with_context=WITH)
'''

ALGORITHM = '''
"""Label smoothing by confidence: tokens the model is sure of teach less (focal loss, Lin et al. 2017)."""
from dajeong.models.adapters import save_role
from dajeong.models.base import load_base
from dajeong.records import Dialogue
from dajeong.templates import find_template
from dajeong.training.examples import examples_of
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.settings import SftSettings
from dajeong.training.sft import Sft

class FocalSettings(SftSettings):
    gamma: float = 2.0

class Focal(Sft):
    coefficients = {"focal": 1.0}
    gamma = 2.0

    def loss(self, outputs, batch):
        doubt = 1 - outputs.logprobs.exp()
        return {"focal": -(doubt ** self.gamma * outputs.logprobs).sum()}

    def _batch(self, indices):
        batch = super()._batch(indices)
        return type(batch)(batch.tokens, {"focal": batch.weights["nll"]})

def run(settings, work):
    base = load_base(work.model("model"), settings.runtime)
    template = find_template(settings.template)
    base.model.add_role("focal", settings.lora, trainable=True, seed=work.seed)
    examples = examples_of(work.records("data", Dialogue), template, base.tokenizer, settings.max_tokens)
    algorithm = Focal(base.model, "focal", examples.tokens, settings, settings.optimizer, work.seed)
    algorithm.gamma = settings.gamma
    Loop(algorithm, work, Single(), settings.checkpoint_every, {"role": "focal"}).run()
    save_role(base, "focal", work.model_folder, template)
'''

RECIPE = """\
template: arrow
threads: 1
steps:
  r: {use: read, source: questions, path: rows.jsonl}
  s: {use: sft, model: ./base, data: r, updates: 4, max_tokens: 96, lora: {rank: 2}}
  f: {use: focal, model: ./base, data: r, updates: 4, max_tokens: 96, lora: {rank: 2}, gamma: 1.5}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The run folder of a recipe that names nothing but new parts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "new")
    (tmp_path / "new").mkdir()
    for name, text in (("new_source", SOURCE), ("new_template", TEMPLATE), ("new_algorithm", ALGORITHM)):
        (tmp_path / "new" / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    new = {name: importlib.import_module(f"new_{name}") for name in ("source", "template", "algorithm")}
    monkeypatch.setitem(catalog.SOURCES, "questions", new["source"].QUESTIONS)
    monkeypatch.setitem(catalog.TEMPLATES, "arrow", new["template"].ARROW)
    focal = steps.KINDS["sft"]._replace(settings=new["algorithm"].FocalSettings, run="new_algorithm:run")
    monkeypatch.setitem(steps.KINDS, "focal", focal)

    small_parts.write_base(tmp_path / "base")
    rows = [json.dumps({"q": q, "a": a}, ensure_ascii=False) for q, a in zip(QUESTIONS, ANSWERS, strict=True)]
    Path("rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    Path("recipe.yaml").write_text(RECIPE, encoding="utf-8")
    code = main(["run", "recipe.yaml", "--out", "run", "--lang", "en"])
    choose_language(None)
    assert code == 0, capsys.readouterr().err
    return tmp_path / "run"


def test_a_new_source_is_read_with_licence_and_rejects(run: Path) -> None:
    records = list(read_records(run / "steps/r/records.jsonl", Dialogue))
    assert [record.messages[0].content for record in records] == list(QUESTIONS)
    assert {(record.source, record.licence) for record in records} == {("questions", "CC0-1.0")}


def test_a_new_template_is_learned_saved_and_spoken(run: Path) -> None:
    chat = load_chat(str(run / "models/s"))
    assert chat.template == catalog.TEMPLATES["arrow"]
    writer = Writer(chat, NativeEngine(chat.model))
    assert writer.prompt_length([Message(role="user", content="안녕?")]) > 3
    (reply,) = writer.replies(small_parts.PROMPTS[:1], Decoding(max_new_tokens=4), 0, "s")
    assert reply.author == "s" and 0 < (reply.num_tokens or 0) <= 4
    source = (run / "models/s/chat_template.jinja").read_text(encoding="utf-8")
    assert "질문> " in source, "other tools read it with the tokenizer"


def test_a_new_algorithm_runs_in_the_loop_and_leaves_a_model(run: Path) -> None:
    lines = (run / "steps/f/journal.jsonl").read_text(encoding="utf-8").splitlines()
    updates = [entry for entry in map(json.loads, lines) if entry["event"] == "update"]
    assert [entry["update"] for entry in updates] == [1, 2, 3, 4]
    assert all(set(entry["loss"]) == {"focal"} and entry["grad_norm"]["focal"] > 0 for entry in updates)
    assert load_chat(str(run / "models/f")).name == "f"
    ours, theirs = ((run / "models" / name / "adapter_model.safetensors").read_bytes() for name in "fs")
    assert ours != theirs
    assert "gamma: 1.5" in (run / "recipe.yaml").read_text(encoding="utf-8")
