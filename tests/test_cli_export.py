"""`dajeong data clean` and `dajeong data export` through the real command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.records import Dialogue, Message
from dajeong.storage import read_records, write_records


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def example(number: int, answer: str = "", licence: str = "MIT") -> Dialogue:
    messages = (
        Message(role="user", content=f"{number}번 서랍에는 무엇이 들어 있나요?"),
        Message(role="assistant", content=answer or f"거기에는 연필이 {number}자루 있어요."),
    )
    return Dialogue(id=f"invented:{number}", source="invented", licence=licence, messages=messages)


def records_in(folder: Path, *records: Dialogue) -> Path:
    path = folder / "talk.jsonl"
    write_records(path, records or [example(number) for number in range(6)])
    return path


def as_json(captured: str) -> Any:
    return json.loads(captured)


def test_clean_writes_what_is_kept_and_says_why_the_rest_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = records_in(tmp_path, *(example(number) for number in range(6)), example(2), example(9, "네."))
    out = tmp_path / "clean.jsonl"
    code = main(
        ["data", "clean", str(path), "--out", str(out), "--set", "lengths.min_answer=5",
         "--set", "near_duplicates=null", "--json"]
    )  # fmt: skip
    stats = as_json(capsys.readouterr().out)
    assert code == 0 and stats["records"] == 6 and stats["rejected"] == 2
    assert [each.id for each in read_records(out, Dialogue)] == [f"invented:{n}" for n in range(6)]
    assert (tmp_path / "clean.clean" / "rejects.jsonl").is_file()


def test_clean_wants_records_and_says_how_to_get_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw.json"
    raw.write_text(json.dumps([{"instruction": "안녕?", "output": "안녕하세요!"}]), encoding="utf-8")
    assert main(["data", "clean", str(raw), "--out", str(tmp_path / "c.jsonl")]) == 3
    assert "dajeong data read alpaca" in capsys.readouterr().err


def test_a_mistyped_setting_is_named_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = records_in(tmp_path)
    assert main(["data", "clean", str(path), "--out", str(tmp_path / "c"), "--set", "lenghts=null"]) == 2
    assert "lengths" in capsys.readouterr().err


def test_export_writes_rows_and_says_how_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = records_in(tmp_path), tmp_path / "out.jsonl"
    assert main(["data", "export", str(path), "--as", "alpaca", "--out", str(out), "--json"]) == 0
    assert as_json(capsys.readouterr().out) == {
        "out": str(out),
        "shape": "alpaca",
        "rows": 6,
        "left_out": {},
    }
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert first["instruction"] == "0번 서랍에는 무엇이 들어 있나요?" and first["licence"] == "MIT"


def test_what_may_not_leave_stays_until_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = "CC-BY-NC-4.0"
    path = records_in(tmp_path, example(1), example(2, licence=closed), example(3, licence=closed))
    call = ["data", "export", str(path), "--as", "trl", "--out", str(tmp_path / "out.parquet")]
    assert main(call) == 3
    said = capsys.readouterr().err
    assert f'"{closed}": 2' in said and "--allow-licence" in said
    assert not (tmp_path / "out.parquet").exists()
    assert main([*call, "--allow-licence", closed]) == 0
    assert "3 rows" in capsys.readouterr().out


def test_raw_data_is_exported_under_the_licence_of_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw.jsonl"
    rows = [{"instruction": "수도는?", "context": "", "response": "서울입니다.", "category": "open_qa"}]
    raw.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    out = str(tmp_path / "out.json")
    assert main(["data", "export", str(raw), "--as", "messages", "--out", out]) == 0
    (row,) = json.loads(Path(out).read_text(encoding="utf-8"))
    assert row["licence"] == "CC-BY-SA-3.0" and row["source"] == "dolly"


def test_a_row_that_cannot_be_read_is_no_silent_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = records_in(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + '{"id": "x"\n', encoding="utf-8")
    assert main(["data", "export", str(path), "--as", "alpaca", "--out", str(tmp_path / "o.json")]) == 3
    assert "talk.jsonl:7" in capsys.readouterr().err and not (tmp_path / "o.json").exists()
