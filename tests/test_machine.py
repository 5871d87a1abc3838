"""`dajeong doctor`: what is there, what is not, and the command that helps; it fails for nothing it finds."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from dajeong import machine, readiness
from dajeong.cli import main
from dajeong.data.settings import HubSettings, ReadSettings
from dajeong.models.settings import RuntimeSettings
from dajeong.recipe_source import built_in_names
from dajeong.remote.settings import ServiceSettings
from dajeong.synthesis.respond_settings import RespondSettings, ServiceAuthor
from dajeong.training.settings import SftSettings


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
    assert "gpt4-llm-ko.json" in recipes["kullm-v2"][0]
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


def test_all_that_a_recipe_lacks_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAJEONG_LANG", "en")
    found = {each.recipe: each for each in readiness.readiness(tmp_path)}
    kullm = found["kullm-v2"]
    for file in ("gpt4-llm-ko.json*", "dolly-ko.json*", "vicuna-ko.json*"):
        assert any(file in lack and "docs/recipes.md" in lack for lack in kullm.lacks)
    assert "hf download EleutherAI/polyglot-ko-12.8b" in kullm.lacks
    assert "dajeong plan kullm-v2 --gpu 24|40|80" in kullm.lacks
    assert any("24.0 GiB" in need for need in kullm.needs)
    assert found["demo"].lacks == () and found["demo"].needs == ()


def test_a_disk_that_is_too_small_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(9, 9, 5 << 30))
    kullm = next(each for each in readiness.readiness(tmp_path) if each.recipe == "kullm-v2")
    assert any("24 GiB" in lack and "5 GiB" in lack for lack in kullm.lacks)


def test_a_folder_is_here_and_what_lies_in_no_cache_is_not(tmp_path: Path) -> None:
    assert readiness.is_here(str(tmp_path)) and not readiness.is_here("nobody/nothing-here")


def test_extras_and_keys_are_found_wherever_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = SftSettings(parallel="zero2", runtime=RuntimeSettings(quantised="4bit"))
    assert list(readiness.extras_in(packed)) == ["deepspeed", "quantised"]
    assert list(readiness.extras_in(ReadSettings(source="kullm", hub=HubSettings(name="a/b")))) == [
        "datasets"
    ]
    assert list(readiness.extras_in(SftSettings())) == []
    service = ServiceSettings(base_url="http://127.0.0.1:1/v1", model="m", key_env="A_KEY")
    asking = RespondSettings(services={"one": ServiceAuthor(service=service)})
    assert list(readiness.keys_in(asking)) == ["A_KEY"]


def test_offline_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "offline" in {each.code for each in machine._surroundings()}
