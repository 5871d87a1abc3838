"""Self- and Evol-Instruct as steps of a recipe and as commands: priced, run once, continued, reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_author import Author

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.records import Dialogue
from dajeong.storage import read_json, read_records
from scripted_server import Script, scripted

RECIPE = """\
seed: 3
steps:
  new:
    use: self-instruct
    num_tasks: 20
    similarity: {{unit: syllables}}
    licence: MIT
    service: {service}
  harder:
    use: evol
    prompts: new/prompts
    similarity: {{unit: syllables}}
    licence: MIT
    service: {service}
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    monkeypatch.chdir(tmp_path)
    yield
    choose_language(None)


def test_a_recipe_is_priced_then_run_once_and_its_report_shows_rejects(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["run", "recipe.yaml", "--out", "run", "--quiet"]
    with scripted(Script(Author())) as server:
        service = f'{{model: scripted, base_url: "{server.url}/v1", price_in: 1.0, price_out: 2.0}}'
        Path("recipe.yaml").write_text(RECIPE.format(service=service), encoding="utf-8")
        assert main([*line, "--dry-run"]) == 0 and server.calls == []
        told = capsys.readouterr().out
        assert "new" in told and "at most $" in told
        assert main(line) == 0, capsys.readouterr().err
        paid = len(server.calls)
        assert main([*line, "--budget", "9"]) == 0 and len(server.calls) == paid
        costs = [read_json(Path(f"run/steps/{step}/stats.json"))["cost"] for step in ("new", "harder")]
        assert sum(costs) == pytest.approx(server.dollars(1.0, 2.0))
    new = {each.id for each in read_records(Path("run/steps/new/prompts.jsonl"), Dialogue)}
    harder = list(read_records(Path("run/steps/harder/records.jsonl"), Dialogue))
    assert len(new) == 20 and harder and {each.meta["parent"] for each in harder} <= new
    assert {each.licence for each in harder} == {"MIT"}
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "similar" in page and "copied-words" in page
    assert any(each.messages[0].content in page for each in harder)


def test_commands_do_one_step_and_go_on_where_they_were_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(Script(Author())) as server:
        service = ["--model", "scripted", "--base-url", f"{server.url}/v1", "--quiet"]
        prices = ["--set", "service.price_in=1", "--set", "service.price_out=2"]
        few = ["--set", "num_tasks=12", "--set", "similarity.unit=syllables", *prices]
        new = ["data", "self-instruct", "--out", "new.jsonl", *service, *few]
        assert main([*new, "--dry-run", "--json"]) == 0 and not server.calls
        assert json.loads(capsys.readouterr().out)["requests"] > 20 and not list(Path().iterdir())
        assert main([*new, "--budget", "0.03"]) == 5
        stopped = len(server.charged)
        assert main([*new, "--json"]) == 0, capsys.readouterr().err
        assert 0 < stopped < len(server.charged)
        made = list(read_records(Path("new.jsonl"), Dialogue))
        assert len(made) >= 12 and read_json(Path("new.self-instruct/stats.json"))["prompts"] == 12
        evol = ["data", "evol", "new.jsonl", "--out", "harder.jsonl", *service]
        assert main(evol) == 0 and list(read_records(Path("harder.jsonl"), Dialogue))


def test_a_command_without_what_it_needs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "evol", "--out", "x.jsonl", "--model", "m"]) == 2
    assert "no records to begin with" in capsys.readouterr().err
    assert main(["data", "self-instruct", "--out", "x.jsonl", "--model", "m", "--set", "kinds.talk=0"]) == 2
    assert "kinds" in capsys.readouterr().err
