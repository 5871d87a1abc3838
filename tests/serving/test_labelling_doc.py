"""docs/labelling.md: every command in it runs, in its order; options, keys and files it names are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from label_parts import Client, preference

from dajeong.cli import main
from dajeong.serving.label_folder import PLAN
from dajeong.serving.label_items import ITEMS
from dajeong.serving.label_store import COPY, DATABASE
from dajeong.storage import write_records

DOC = (Path(__file__).parents[2] / "docs" / "labelling.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(block) for block in re.findall(r"^```\n(.*)\n```$", DOC, re.MULTILINE)]


def test_every_command_runs_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "answers.jsonl", [preference(number) for number in range(3)])
    page, *others = COMMANDS
    assert page[:2] == ["dajeong", "label"] and len(others) == 3
    with subprocess.Popen(
        [sys.executable, "-m", *page, "--port", "0", "--quiet"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        client = Client(int(address.rstrip("/").rpartition(":")[2]))
        for item in client.items():
            client.vote(item)
        assert main(["label", "answers.jsonl", "--port", "0"]) == 7, "one page a folder"
        server.terminate()
    for program, *arguments in others:
        assert program == "dajeong" and main(arguments) == 0
    kept = {path.name for path in (tmp_path / "answers.labels").iterdir()}
    named = {name for name in re.findall(r"^\| `([\w.]+)` \|", DOC, re.MULTILINE) if "." in name}
    assert named == {ITEMS, DATABASE, COPY, PLAN} and named <= kept
    assert len((tmp_path / "labels.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_options_that_it_names_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    helps = ""
    for command in ("page", "agreement", "export"):
        assert main(["label", command, "--help"]) == 0
        helps += capsys.readouterr().out
    named = set(re.findall(r"`(--[\w-]+)", DOC))
    assert len(named) > 10 and [option for option in named if option not in helps] == []


def test_an_unknown_word_is_a_file_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["label", "agreemnt", "--lang", "en"]) == 3
    assert "agreemnt" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_an_address_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dajeong.serving.listening import listen

    write_records(tmp_path / "a.jsonl", [preference(0)])
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert main(["label", str(tmp_path / "a.jsonl"), "--port", port, "--lang", "en"]) == 4
    assert port in capsys.readouterr().err
