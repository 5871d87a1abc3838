"""`dajeong doctor`: what is there, what is not, and the command that helps; it fails for nothing it finds."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from dajeong import machine
from dajeong.cli import main
from dajeong.recipe_source import built_in_names
from dajeong.remote.settings import ServiceSettings


def test_everything_is_said_as_lines_and_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAJEONG_LANG", "en")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"version", "device", "cores", "disk", "locale", "extra"} <= {
        each["code"] for each in found["machine"]
    }
    recipes = {each["recipe"]: each["lacks"] for each in found["recipes"]}
    assert set(recipes) == set(built_in_names()) and recipes["demo"] == []
    assert "no such file" in recipes["kullm-v2"][0]
    assert main(["doctor"]) == 0
    assert "demo: ready (tiny)" in capsys.readouterr().out


def test_a_version_out_of_range_names_what_installs_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "versions", lambda: {"torch": "2.9.1"})
    (check,) = machine._software()
    assert (
        check.state == "missing" and check.advice.startswith("pip install 'torch") and "2.11" in check.advice
    )


def test_an_extra_that_is_not_whole_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=2.11", 'nowhere-at-all>=1; extra == "shiny"', 'numpy>=2; extra == "shiny"']
    monkeypatch.setattr(metadata, "requires", lambda name: asked)
    (check,) = machine._extras()
    assert check.value == "shiny: nowhere-at-all" and check.advice == "pip install 'dajeong[shiny]'"


def test_a_hub_model_that_lies_in_no_cache_and_a_key_that_is_not_set_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(machine._base("nobody/nothing-here")) == ["hf download nobody/nothing-here"]
    assert list(machine._base(str(tmp_path))) == list(machine._base("tiny")) == []
    monkeypatch.delenv("A_KEY", raising=False)

    class Asking:
        service = ServiceSettings(base_url="http://127.0.0.1:1/v1", model="m", key_env="A_KEY")

    assert list(machine._keys(Asking())) == ["export A_KEY=…"]
    monkeypatch.setenv("A_KEY", "k")
    assert list(machine._keys(Asking())) == []


def test_offline_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "offline" in {each.code for each in machine._surroundings()}
