"""Making steps in a recipe: checked before anything runs, priced before it is spent, run once, reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from invented_translator import model

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.records import Dialogue, Message, Reply
from dajeong.storage import read_json, read_records, write_records
from scripted_server import Messages, Script, scripted

RECIPE = """\
seed: 3
threads: 1
steps:
  raw: {{use: read, source: alpaca, path: rows.jsonl, licence: Apache-2.0}}
  korean:
    use: translate
    data: raw/records
    licence: MIT
    service: {service}
  prompts: {{use: read, source: messages, path: asked.jsonl, licence: Apache-2.0}}
  answers:
    use: respond
    prompts: prompts/records
    per_prompt: 2
    services:
      large: {{service: {service}, preset: vaiv}}
"""
ROWS = [
    {"instruction": "Name a good tea.", "output": "Try `green tea` on cold days."},
    {"instruction": "How do I rest well?", "output": "Sleep for 8 hours and drink water."},
    {"instruction": "Find a word that rhymes with moon.", "output": "Spoon."},
]
ASKED = [{"messages": [{"role": "user", "content": text}]} for text in ("오늘 뭐 먹을까요?", "잠이 안 와요.")]


def both(messages: Messages) -> str:
    """Translates what is to be translated and answers the rest."""
    return model()(messages) if "<source>" in messages[-1]["content"] else "따뜻한 차 한 잔 어때요?"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def test_a_recipe_is_priced_then_run_once_and_its_report_shows_what_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, rows in (("rows", ROWS), ("asked", ASKED)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        Path(f"{name}.jsonl").write_text(lines, encoding="utf-8")
    with scripted(Script(reply=both)) as server:
        service = f'{{model: scripted, base_url: "{server.url}/v1", price_in: 1.0, price_out: 2.0}}'
        Path("recipe.yaml").write_text(RECIPE.format(service=service), encoding="utf-8")
        line = ["run", "recipe.yaml", "--out", "run", "--quiet"]
        assert main([*line, "--until", "prompts"]) == 0 and main([*line, "--until", "raw"]) == 0
        assert server.calls == []
        capsys.readouterr()
        assert main([*line, "--dry-run"]) == 0
        told = capsys.readouterr().out
        assert server.calls == [] and "korean" in told and "$" in told
        assert main(line) == 0, capsys.readouterr().err
        paid = len(server.calls)
        assert main(line) == 0 and len(server.calls) == paid, "a finished step is not run again"
        made = sum(read_json(Path(f"run/steps/{step}/stats.json"))["cost"] for step in ("korean", "answers"))
        assert made == pytest.approx(server.dollars(1.0, 2.0))
    korean = list(read_records(Path("run/steps/korean/records.jsonl"), Dialogue))
    assert len(korean) == 2 and {record.licence for record in korean} == {"Apache-2.0 AND MIT"}
    assert [reply.author for reply in read_records(Path("run/steps/answers/replies.jsonl"), Reply)] == [
        "large"
    ] * 4
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "Data that was made" in page and "english-wording" in page and "따뜻한 차 한 잔 어때요?" in page
    assert f"${server.dollars(1.0, 2.0):.4f}"[:4] in page


REFUSED = {
    "services: {large: {service: {model: m}, preset: vaive}}": ("vaive", "vaiv-general"),
    "services: {large: {service: {model: m, base_url: 'https://user:key@h/v1'}}}": (
        "base_url",
        "environment",
    ),
    "services: {large: {servce: {model: m}}}": ("servce", "service"),
    "drop: [cuts]": ("cuts", "cut"),
}


@pytest.mark.parametrize("written", REFUSED)
def test_a_mistake_in_a_making_step_is_told_before_anything_runs(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("asked.jsonl").write_text("", encoding="utf-8")
    Path("recipe.yaml").write_text(
        f"steps:\n  answers: {{use: respond, prompts: asked.jsonl, {written}}}\n", encoding="utf-8"
    )
    assert main(["run", "recipe.yaml", "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "recipe.yaml:2" in said and all(word in said for word in REFUSED[written])
    assert not Path("run").exists() and "key@" not in said


def test_somebody_must_translate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text("", encoding="utf-8")
    for written in ("", ", service: {model: m}, deepl: {}"):
        Path("recipe.yaml").write_text(
            f"steps:\n  korean: {{use: translate, data: rows.jsonl{written}}}\n", encoding="utf-8"
        )
        assert main(["run", "recipe.yaml"]) == 2
        assert "service or deepl" in capsys.readouterr().err


def test_replies_to_a_file_of_prompts_go_to_the_file_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    write_records(prompts, [Dialogue(id="p", messages=(Message(role="user", content="오늘 뭐 먹을까요?"),))])
    out = tmp_path / "replies.jsonl"
    with scripted(Script(reply=both)) as server:
        line = [
            "data",
            "respond",
            str(prompts),
            "--out",
            str(out),
            "--model",
            "scripted-1.5",
            "--quiet",
            "--json",
        ]
        line += [
            "--base-url",
            f"{server.url}/v1",
            "--set",
            "services.service.preset=friendly",
            "--set",
            "per_prompt=2",
        ]
        assert main([*line, "--dry-run"]) == 0 and server.calls == []
        assert json.loads(capsys.readouterr().out)["requests"] == 2
        assert main(line) == 0 and len(server.calls) == 2
    assert json.loads(capsys.readouterr().out)["records"] == 2
    assert [reply.author for reply in read_records(out, Reply)] == ["scripted-1.5"] * 2
    assert (tmp_path / "replies.respond" / "rejects.jsonl").is_file()
