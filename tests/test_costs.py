"""A dry run says what services will cost, `--budget` limits a run, and a changed price repeats no work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dajeong import pipeline, steps
from dajeong.cli import main
from dajeong.costs import with_budget
from dajeong.fingerprint import fingerprint_of, parts_of
from dajeong.messages import choose_language
from dajeong.recipe import load
from dajeong.records import Decoding, Dialogue, Frozen
from dajeong.remote.client import Client, priced
from dajeong.remote.prices import Estimate
from dajeong.remote.request import Answer, Request
from dajeong.remote.settings import ServiceSettings
from dajeong.steps import Input, Kind
from dajeong.workplace import Workplace
from scripted_server import Server, scripted
from tiny_kinds import KINDS


class AskSettings(Frozen):
    service: ServiceSettings
    more: dict[str, ServiceSettings] = {}
    several: tuple[ServiceSettings, ...] = ()


def requests(work: Workplace) -> list[Request]:
    rows = work.records("prompts", Dialogue)
    return [Request(messages=row.messages, decoding=Decoding(max_new_tokens=32)) for row in rows]


def ask(settings: AskSettings, work: Workplace) -> None:
    with Client(settings.service, work.run / "remote.sqlite", work.progress) as client:
        found = client.answers(requests(work))
    rows = work.records("prompts", Dialogue)
    answered = [each.text for each in found if isinstance(each, Answer)]
    work.write(
        "rows", [row.model_copy(update={"kind": text[:9]}) for row, text in zip(rows, answered, strict=True)]
    )


def estimate(settings: AskSettings, work: Workplace) -> Estimate:
    return priced(settings.service, work.run / "remote.sqlite", requests(work))


ASK = Kind(
    AskSettings,
    {"prompts": Input("Dialogue", many=True)},
    {"rows": "Dialogue"},
    "test_costs:ask",
    estimate="test_costs:estimate",
)
RECIPE = """\
name: asking
steps:
  world: {use: make, num_rows: 30}
  ask:
    use: ask
    prompts: world/rows
    service: {model: scripted, base_url: "URL/v1", price_in: 1, price_out: 2}
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A working folder with asking.yaml, whose service is a scripted one."""
    monkeypatch.setenv("DAJEONG_LANG", "en")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(steps, "KINDS", {**KINDS, "ask": ASK})
    monkeypatch.setattr(pipeline, "REPORT", None)
    with scripted() as server:
        (tmp_path / "asking.yaml").write_text(RECIPE.replace("URL", server.url), encoding="utf-8")
        yield server
    choose_language(None)


def test_a_dry_run_says_what_will_be_paid_and_pays_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "asking.yaml", "--dry-run"]) == 0
    assert (
        "ask: asks a service; how much is known once the steps before it are done" in capsys.readouterr().out
    )
    assert not (tmp_path / "runs").exists()
    main(["run", "asking.yaml", "--until", "world", "-q"])
    capsys.readouterr()
    assert main(["run", "asking.yaml", "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("ask: 30 requests, 0 of them answered already; costs about $0.00")
    assert server.calls == [] and not (tmp_path / "runs/asking/remote.sqlite").exists()
    assert main(["run", "asking.yaml", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)[1]["estimate"]
    assert main(["run", "asking.yaml", "-q"]) == 0
    assert found["low"] <= server.dollars(1, 2) <= found["high"] and found["requests"] == 30
    capsys.readouterr()
    assert main(["run", "asking.yaml", "--dry-run", "--json"]) == 0
    assert "estimate" not in json.loads(capsys.readouterr().out)[1], "done, so nothing is asked"
    assert main(["run", "asking.yaml", "--dry-run", "--force", "ask"]) == 0
    assert "30 requests, 30 of them answered already; costs about $0.00" in capsys.readouterr().out


def test_an_unknown_price_is_said(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "asking.yaml", "--until", "world", "-q"])
    unpriced = ["--set", "ask.service.price_in=null", "--set", "ask.service.price_out=null"]
    assert main(["run", "asking.yaml", "--dry-run", *unpriced]) == 0
    assert "price unknown" in capsys.readouterr().out
    assert main(["run", "asking.yaml", "-q", "--budget", "1", *unpriced]) == 5
    assert "price_in" in capsys.readouterr().err and server.calls == []


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "asking.yaml", "-q", "--budget", "0.0009"]) == 5
    assert "budget of $0.0009" in capsys.readouterr().err
    asked = len(server.calls)
    assert 0 < asked < 30 and server.dollars(1, 2) <= 0.0009
    assert main(["run", "asking.yaml", "--budget", "1"]) == 0
    assert "ask: going on" in capsys.readouterr().err, "another budget does not begin the step anew"
    assert len(server.calls) == 30
    assert main(["run", "asking.yaml", "-q", "--set", "ask.service.concurrency=2"]) == 0
    assert len(server.calls) == 30


def test_the_budget_reaches_every_service_and_no_fingerprint(server: Server, tmp_path: Path) -> None:
    service = '{model: m, base_url: "http://127.0.0.1:9/v1"}'
    written = RECIPE + f"    more: {{a: {service}}}\n    several: [{service}]\n"
    (tmp_path / "several.yaml").write_text(written.replace("URL", server.url), encoding="utf-8")
    recipe = load("several.yaml", (), steps.KINDS)
    limited = with_budget(recipe, 2.5)
    found = limited.steps[1].settings
    assert isinstance(found, AskSettings)
    services = [found.service, found.more["a"], found.several[0]]
    assert [service.budget for service in services] == [2.5] * 3
    assert limited.resolved().count("budget: 2.5") == 3

    def fingerprint(*changes: str) -> str:
        step = load("several.yaml", changes, steps.KINDS).steps[1]
        return fingerprint_of(parts_of(step, 0, {"world": "x"}))

    aside = [
        "service.price_in=3",
        "service.key_env=K",
        "more.a.read_seconds=9",
        "service.requests_per_minute=5",
    ]
    assert fingerprint() == fingerprint(*(f"ask.{change}" for change in aside))
    for change in ("service.model=n", "more.a.model=n", "service.extra.top=1", "service.api=completions"):
        assert fingerprint() != fingerprint(f"ask.{change}"), change


def test_a_missing_key_stops_with_5_and_the_name_of_the_variable(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    assert main(["run", "asking.yaml", "-q", "--set", "ask.service.key_env=NO_SUCH_KEY"]) == 5
    assert "NO_SUCH_KEY" in capsys.readouterr().err


def test_a_key_reaches_no_file_of_the_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "sk-canary-0123456789abcdef"
    monkeypatch.setenv("CANARY_KEY", canary)
    server.script.key = canary
    with_key = ["-q", "--set", "ask.service.key_env=CANARY_KEY"]
    assert main(["run", "asking.yaml", *with_key]) == 0
    server.script.key = "revoked"
    assert main(["--debug", "run", "asking.yaml", *with_key, "--out", "second"]) == 5
    assert canary not in "".join(capsys.readouterr())
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "error.txt" for file in files) and any(
        file.name == "remote.sqlite" for file in files
    )
    assert [file for file in files if canary.encode() in file.read_bytes()] == []
