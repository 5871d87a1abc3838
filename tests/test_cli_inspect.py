"""`dajeong inspect`: runs no training, shows what training would read, says what is missing for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language

RECIPE = """
model: tiny
template: koalpaca
steps:
  talk: {use: smalltalk, num_texts: 300, num_sft: 60, num_pairs: 40}
  base: {use: base, text: talk/text, updates: 2, max_tokens: 160}
  sft: {use: sft, model: base, data: talk/sft, max_tokens: 24}
  replies: {use: replies, models: sft, prompts: talk/reply_prompts}
  own: {use: pairs, replies: replies}
  reward: {use: reward, model: sft, data: talk/contrasts, normalise: talk/sft}
  reward-own: {use: reward, model: sft, data: own, normalise: talk/sft}
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_every_step_that_learns_from_records_is_shown(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(recipe), "--json", "--quiet", "--html", "page.html", "--rows", "2"]) == 0
    found = {each["step"]: each for each in json.loads(capsys.readouterr().out)}
    assert set(found) == {"sft", "reward", "reward-own"}
    assert found["reward-own"]["waits_for"] == "sft" and "examples" not in found["reward-own"]
    assert found["sft"]["examples"] == 60 and len(found["sft"]["first"]) == 2
    ends = found["sft"]["ends"]
    assert sum(ends.values()) == 60 and ends["cut"] > 0 and ends["absent"] == 0
    assert "too-long" in {each["code"] for each in found["sft"]["findings"]}
    assert found["reward"]["examples"] == 80, "both responses of every pair"
    assert not list(Path("runs/small/models").glob("*")), "nothing was trained"
    page = Path("page.html").read_text(encoding="utf-8")
    assert '<span class="learned"' in page


def test_lines_mark_what_is_learned(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(recipe), "--step", "sft"]) == 0
    out = capsys.readouterr().out
    assert "of which" in out and "« " in out and "\x1b" not in out
    assert "longer than max_tokens 24 and are cut" in out


def test_a_recipe_without_training_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("steps: {talk: {use: smalltalk, num_texts: 300}}", encoding="utf-8")
    assert main(["inspect", str(path), "--out", str(tmp_path / "run")]) == 2
    assert "no step of this recipe learns" in capsys.readouterr().err
