"""Parquet files and data sets of the Hub: rows as a JSON file would hold them, and clear refusals."""

from __future__ import annotations

import datetime
import io
import random
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from reading_step import Outcome

from dajeong.cli import main
from dajeong.data.hub import hub_rows
from dajeong.data.lines import read_rows
from dajeong.data.rows import BadRow, Row
from dajeong.data.settings import HubSettings
from dajeong.errors import DataProblem, EnvironmentProblem
from source_rows import ANSWER, QUESTION, TURNS, WORSE

ROWS = [{"instruction": f"{number}: {QUESTION}", "output": ANSWER} for number in range(5)]


def written(path: Path, columns: dict[str, Any], rows_in_group: int | None = None) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=rows_in_group)
    return path


def values(path: Path) -> list[dict[str, Any]]:
    return [row.value for row in read_rows(path) if isinstance(row, Row)]


def test_cells_are_what_json_could_hold(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.parquet",
        {
            "text": ["가", None],
            "number": [1, None],
            "share": [0.5, float("nan")],
            "turns": [TURNS, None],
            "day": [datetime.date(2026, 1, 2), None],
            "price": [Decimal("1.50"), None],
            "map": pyarrow.array([[("가", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        },
    )
    first, second = values(path)
    assert first == {
        "text": "가",
        "number": 1,
        "share": 0.5,
        "turns": TURNS,
        "day": "2026-01-02",
        "price": "1.50",
        "map": [["가", 1]],
    }
    assert set(second.values()) == {None}, "NaN is how a table of numbers leaves a cell empty"


def test_a_cell_that_is_no_text_costs_its_row(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"image": [b"\x89PNG", None], "text": ["가", "나\x00"]})
    assert [row.code for row in read_rows(path) if isinstance(row, BadRow)] == ["row-type", "unreadable-nul"]
    path = written(tmp_path / "b.parquet", {"number": [1.0, float("inf")]})
    assert [type(row) for row in read_rows(path)] == [Row, BadRow]


def test_rows_are_numbered_over_all_groups(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"text": [str(number) for number in range(5_000)]}, 700)
    assert [row.line for row in read_rows(path)] == list(range(1, 5_001))


def test_its_name_may_end_otherwise_and_it_may_lie_in_a_zip(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", {"text": ["가"]})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "data/train-00000-of-00001.parquet")
    renamed = path.rename(tmp_path / "0123456789abcdef.json")
    assert values(tmp_path / "a.zip") == values(renamed) == [{"text": "가"}]


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"\x00" * 40 + b"PAR1", b'{"text": "no table"}\n']
)
def test_what_is_no_table_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(DataProblem) as caught:
        list(read_rows(path))
    assert caught.value.code == "table-broken" and "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True], ids=["table", "archive"])
def test_damaged_bytes_never_end_in_a_traceback(packed: bool, tmp_path: Path) -> None:
    chance = random.Random(0)
    inner = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), inner)
    path, whole = tmp_path / "a.parquet", inner.getvalue()
    if packed:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for row in ROWS:
                archive.writestr(f"{row['instruction'][0]}.jsonl", str(row).replace("'", '"'))
        whole = path.read_bytes()
    num_refused = 0
    for _ in range(120):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(content), chance.randrange(len(content))])])
        try:
            list(read_rows(path))
        except DataProblem as problem:
            num_refused += 1
            assert problem.exit_code == 3
    assert num_refused > 60


def test_a_parquet_file_of_preferences(tmp_path: Path) -> None:
    columns = {
        "prompt": [TURNS[:1]],
        "chosen": [TURNS[1:]],
        "rejected": [[{"role": "assistant", "content": WORSE}]],
    }
    path = written(tmp_path / "a.parquet", columns)
    (pair,) = Outcome(tmp_path, "trl", [path]).run().pairs
    assert [response.content for response in pair.responses] == [ANSWER, WORSE]


# --- the Hub


@pytest.fixture(scope="module")
def datasets() -> Any:
    library = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    library.disable_progress_bars()
    return library


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, datasets: Any) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def test_a_saved_data_set_and_one_of_its_splits(datasets: Any, tmp_path: Path) -> None:
    split = datasets.DatasetDict(
        {"train": datasets.Dataset.from_list(ROWS), "test": datasets.Dataset.from_list(ROWS[:2])}
    )
    split.save_to_disk(tmp_path / "both")
    datasets.Dataset.from_list(ROWS[:3]).save_to_disk(tmp_path / "one")
    numbers = [
        len(list(hub_rows(HubSettings(name=str(tmp_path / name), split=part))))
        for name, part in (("both", "train"), ("both", "test"), ("one", "train"))
    ]
    assert numbers == [5, 2, 3]


def test_a_column_map_makes_any_data_set_readable(datasets: Any, tmp_path: Path) -> None:
    rows = [{"물음": {"글": row["instruction"]}, "답": row["output"]} for row in ROWS]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    hub = {"name": str(tmp_path / "saved")}
    options = {"instruction": "물음.글", "output": "답"}
    outcome = Outcome(tmp_path / "run", "columns", [], hub=hub, options=options, licence="CC-BY-4.0").run()
    assert [record.messages[0].content for record in outcome.dialogues] == [
        row["instruction"] for row in ROWS
    ]
    assert outcome.stats["by_file"] == {hub["name"]: 5}
    assert {record.licence for record in outcome.dialogues} == {"CC-BY-4.0"}


def test_the_command_reads_it_without_a_path(
    datasets: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets.Dataset.from_list([{"q": row["instruction"], "a": row["output"]} for row in ROWS]).save_to_disk(
        tmp_path / "saved"
    )
    overrides = [f"hub.name={tmp_path / 'saved'}", "options.instruction=q", "options.output=a"]
    told = [word for override in overrides for word in ("--set", override)]
    out = tmp_path / "out.jsonl"
    assert main(["data", "read", "columns", *told, "--out", str(out), "--quiet"]) == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == len(ROWS)
    assert main(["data", "read", "columns", "--out", str(out), "--quiet"]) == 2
    assert "path or hub" in capsys.readouterr().err


def test_a_folder_of_data_files_is_a_data_set(
    datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    written(tmp_path / "set" / "train.parquet", {key: [row[key] for row in ROWS] for key in ROWS[0]})
    rows = list(hub_rows(HubSettings(name=str(tmp_path / "set"))))
    assert [row.value for row in rows if isinstance(row, Row)] == ROWS


@pytest.mark.parametrize(
    ("name", "split"), [("owner/no-such-set", "train"), ("saved", "validation"), ("../etc/passwd", "train")]
)
def test_what_cannot_be_had_is_an_error_of_the_surroundings(
    name: str, split: str, datasets: Any, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}).save_to_disk(tmp_path / "saved")
    with pytest.raises(EnvironmentProblem) as caught:
        list(hub_rows(HubSettings(name=name, split=split)))
    assert (
        caught.value.code == "hub-unreachable" and name in str(caught.value) and "\n" not in str(caught.value)
    )


def test_an_evaluation_set_of_the_hub_is_named(tmp_path: Path) -> None:
    problem = Outcome(tmp_path, "kobest", [], hub={"name": "owner/kobest"}).stopped()
    assert problem.code == "source-evaluation" and str(problem).startswith("owner/kobest")


def test_nobody_is_told_what_is_read(datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", True)
    monkeypatch.setattr(datasets.load, "get_session", lambda: asked.append("a session"))
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    list(hub_rows(HubSettings(name=str(tmp_path / "saved"))))
    datasets.load.increase_load_count("owner/name")
    assert asked == []


def test_without_the_extra_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(EnvironmentProblem) as caught:
        list(hub_rows(HubSettings(name="owner/name")))
    assert caught.value.exit_code == 4 and "pip install 'dajeong[datasets]'" in str(caught.value)
