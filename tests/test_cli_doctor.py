"""`dajeong data doctor` and `data stats` through the real command: exit codes, table, JSON, page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def pairs(folder: Path, *rejected: str) -> Path:
    """Raw rows of preferences; each `rejected` is one worse side."""
    path = folder / "pairs.jsonl"
    rows = [
        {"prompt": f"{n}번 서랍에는 무엇이 있나요?", "chosen": f"연필이 {n}자루 있어요.", "rejected": each}
        for n, each in enumerate(rejected)
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def as_json(captured: str) -> Any:
    return json.loads(captured)


def test_a_sound_file_is_shown_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "doctor", str(pairs(tmp_path, "몰라요.", "글쎄요, 없어요."))]) == 0
    said = capsys.readouterr()
    assert "records 2" in said.out.lower() or "2 records" in said.out.lower()
    for word in ("longer-wins", "n-grams", "warning", "no-licence"):
        assert word in said.out
    assert said.err == ""


def test_an_empty_side_ends_in_exit_3_unless_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["data", "doctor", str(pairs(tmp_path, "몰라요.", " "))]
    assert main(call) == 3
    said = capsys.readouterr()
    assert "BLOCKING · empty-side" in said.out and "--allow empty-side" in said.err
    assert said.err.count("\n") == 1, "one line"
    assert main([*call, "--allow", "empty-side"]) == 0
    assert "BLOCKING (allowed) · empty-side" in capsys.readouterr().out
    assert main([*call, "--allow", "evaluation-set"]) == 3
    assert main([*call, "--allow", "empty-sied"]) == 2
    assert "empty-side" in capsys.readouterr().err


def test_json_holds_the_figures_and_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(pairs(tmp_path, "몰라요.", ""))
    assert main(["data", "doctor", path, "--json"]) == 3
    told = as_json(capsys.readouterr().out)
    assert told["blocking"] == ["empty-side"] and told["allowed"] == [] and told["records"] == 2
    by_code = {each["code"]: each for each in told["findings"]}
    assert by_code["empty-side"]["count"] == 1 and "1 of 2" in by_code["empty-side"]["text"]
    assert {each["name"] for each in told["baselines"]} >= {"longer-wins", "shorter-wins", "n-grams"}
    assert main(["data", "stats", path, "--json"]) == 0
    figures = as_json(capsys.readouterr().out)
    assert {"records", "rejected", "by_kind"} <= set(figures) and set(figures) < set(told)
    assert all(told[name] == value for name, value in figures.items())


def test_both_languages_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "doctor", str(pairs(tmp_path, "", "몰라요.")), "--lang", "ko"]) == 3
    said = capsys.readouterr()
    assert "막음 · empty-side" in said.out and "학습에 쓸 수 없습니다" in said.err


def test_the_page_is_written_also_where_something_blocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "doctor.html"
    path = str(pairs(tmp_path, "", "몰라요."))
    assert main(["data", "doctor", path, "--html", str(page)]) == 3
    assert "empty-side" in page.read_text(encoding="utf-8")


def test_a_file_that_nobody_can_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["data", "doctor", str(path)]) == 3
    assert "--source" in capsys.readouterr().err
    assert main(["data", "doctor", str(tmp_path / "none.json")]) == 3
    assert "none.json" in capsys.readouterr().err
