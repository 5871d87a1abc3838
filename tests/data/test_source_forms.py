"""Every source of the catalogue in every form its rows may come in: the same records, nothing lost."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from reading_step import Outcome

from dajeong.data.sources import SOURCES
from dajeong.records import Record
from source_rows import OPTIONS, ROWS, varied

NUM_ROWS = 5


def rows_of(name: str) -> list[dict[str, Any]]:
    return [varied(ROWS[name], number) for number in range(1, NUM_ROWS + 1)]


def lines(rows: list[dict[str, Any]], end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), written)
    return written.getvalue()


def packed(rows: list[dict[str, Any]], suffix: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, row in enumerate(rows):
            archive.writestr(f"말뭉치/{number}{suffix}", FORMS[suffix]([row]))
    return written.getvalue()


def table(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    written = io.StringIO(newline="")
    quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    writer = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return written.getvalue().encode("utf-8-sig")


FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".jsonl": lines,
    ".json": lambda rows: json.dumps(rows, ensure_ascii=False).encode(),
    ".parquet": parquet,
    ".csv": lambda rows: table(rows, ","),
    ".tsv": lambda rows: table(rows, "\t"),
    "crlf.jsonl": lambda rows: b"\xef\xbb\xbf\r\n" + lines(rows, "\r\n\r\n"),
    "ascii.jsonl": lambda rows: "\n".join(map(json.dumps, rows)).encode(),
    "lines.json": lines,
    "pretty.json": lambda rows: json.dumps(rows, ensure_ascii=False, indent=2).encode("utf-8-sig"),
}
"""How a file's name ends → its bytes."""

FLAT = [
    name
    for name, row in ROWS.items()
    if not any(isinstance(value, dict | list) for value in row.values()) and "\n" not in str(row)
]
CASES = [(name, form) for name in SOURCES for form in FORMS if name in FLAT or form not in (".csv", ".tsv")]
CASES = [(name, form) for name, form in CASES if "\\n" not in str(ROWS[name]) or form != ".tsv"]


def read(name: str, folder: Path, path: Path | None, **settings: Any) -> list[dict[str, Any]]:
    source = SOURCES[name]
    given = {"options": OPTIONS.get(name, {}), "evaluation": source.evaluation, **settings}
    outcome = Outcome(folder, name, [path] if path else [], **given).run()
    assert outcome.stats["unreadable"] == 0 and not outcome.rejects
    text = (outcome.work.folder / "records.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@cache
def expected(name: str) -> list[dict[str, Any]]:
    """What the reader itself makes of the rows, its tidying and its licence left out."""
    source = SOURCES[name].with_options(OPTIONS.get(name, {}))
    parts = [part for row in rows_of(name) for part in source.records(name, row)]
    return [part.model_dump(mode="json") for part in parts if isinstance(part, Record)]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_source_reads_its_rows_in_every_form(name: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{form}"
    path.write_bytes(FORMS[form](rows_of(name)))
    records = read(name, tmp_path / "run", path)
    assert len(records) == NUM_ROWS
    assert [record["id"] for record in records] == [record["id"] for record in expected(name)]
    assert [record["kind"] for record in records] == [record["kind"] for record in expected(name)]
    assert {record["licence"] for record in records} == {SOURCES[name].licence}
    texts = json.dumps(records, ensure_ascii=False)
    assert all(f"{number}번째" in texts for number in range(1, NUM_ROWS + 1))


@pytest.mark.parametrize("name", SOURCES)
def test_a_zip_a_folder_and_a_pattern_are_one(name: str, tmp_path: Path) -> None:
    suffix = next(suffix for suffix in SOURCES[name].files if suffix != ".txt")
    (tmp_path / "rows.zip").write_bytes(packed(rows_of(name), suffix))
    (tmp_path / "rows").mkdir()
    for number, row in enumerate(rows_of(name)):
        (tmp_path / "rows" / f"{number}{suffix}").write_bytes(FORMS[suffix]([row]))
    places = [tmp_path / "rows.zip", tmp_path / "rows", tmp_path / "rows" / f"*{suffix}"]
    found = [read(name, tmp_path / f"run{number}", place) for number, place in enumerate(places)]
    assert found[0] == found[1] == found[2] and len(found[0]) == NUM_ROWS


@pytest.mark.parametrize("name", SOURCES)
def test_one_object_over_many_lines_is_one_row(name: str, tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    path.write_text(json.dumps(rows_of(name)[0], ensure_ascii=False, indent=4), encoding="utf-8")
    (record,) = read(name, tmp_path / "run", path)
    assert record["id"] == expected(name)[0]["id"]


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_read_from_the_hub_like_from_a_file(name: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows_of(name)).save_to_disk(tmp_path / "saved")
    records = read(name, tmp_path / "run", None, hub={"name": str(tmp_path / "saved")})
    assert [record["id"] for record in records] == [record["id"] for record in expected(name)]


@pytest.mark.parametrize("name", SOURCES)
def test_a_bad_row_costs_itself_in_every_source(name: str, tmp_path: Path) -> None:
    rows = [
        *map(json.dumps, rows_of(name)[:2]),
        "{",
        '{"아무것도": 1}',
        "[1]",
        *map(json.dumps, rows_of(name)[2:]),
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    given = {"options": OPTIONS.get(name, {}), "evaluation": SOURCES[name].evaluation}
    outcome = Outcome(tmp_path / "run", name, [tmp_path / "rows.jsonl"], max_unreadable=0.5, **given).run()
    assert outcome.stats["records"] == NUM_ROWS and outcome.stats["unreadable"] == 3
    assert [reject.line for reject in outcome.rejects] == [3, 4, 5]
    assert [reject.code for reject in outcome.rejects][::2] == ["unreadable-cut", "unreadable-object"]
