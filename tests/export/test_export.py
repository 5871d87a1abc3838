"""Export: what comes back through our own readers is what went out; licences and formulas are held back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.data.lines import read_rows
from dajeong.data.readers.fields import NO_INPUT
from dajeong.data.rows import Row
from dajeong.data.sources import find_source
from dajeong.errors import DajeongError, DataProblem, UsageProblem
from dajeong.export.export import Exported, export
from dajeong.export.files import WRITERS, harmless
from dajeong.export.shapes import SHAPES, in_one
from dajeong.records import Dialogue, Message, Preference, Record, Response

READERS = {"alpaca": "alpaca", "messages": "messages", "trl": "trl", "sharegpt": "messages"}


def said(role: Any, content: str, context: str | None = None) -> Message:
    return Message(role=role, content=content, context=context)


def dialogue(name: str, *messages: Message, licence: str = "Apache-2.0") -> Dialogue:
    return Dialogue(id=name, source="invented", licence=licence, kind="talk", messages=messages)


def pair(name: str, asked: str, *answers: str, ranking: Any = ((0,), (1,))) -> Preference:
    responses = tuple(Response(content=answer) for answer in answers)
    return Preference(
        id=name,
        licence="MIT",
        prompt=(said("user", asked),),
        responses=responses,
        ranking=ranking,
        labelled_by="human:a",
    )


EXCHANGE = dialogue("e", said("user", "요약해 줘.", "긴 글\n두 줄"), said("assistant", "짧은 글"))
TALK = dialogue(
    "t",
    said("system", "친절하게"),
    said("user", "안녕?"),
    said("assistant", "안녕하세요!"),
    said("user", "뭐 해?"),
    said("assistant", "쉬어요."),
)
PAIR = pair("p", "심심해", "산책 어때요?", "글쎄요.")


def exported(path: Path, shape: str, records: list[Record], allowed: tuple[str, ...] = ()) -> Exported:
    return export(lambda: records, shape, path, allowed)


def read_back(path: Path, source: str) -> list[Record]:
    found: list[Record] = []
    for row in read_rows(path):
        assert isinstance(row, Row), row
        for record in find_source(source).records(source, row.value):
            assert isinstance(record, Record), record
            found.append(record)
    return found


def plain(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, in_one(message)) for message in messages]


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\r\ufeff", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip().casefold() not in NO_INPUT)
FORMATS = [".jsonl", ".json", ".parquet"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5), st.sampled_from([*FORMATS, ".csv"]))
def test_an_exchange_comes_back_in_every_shape(texts: list[tuple[str, str, str]], suffix: str) -> None:
    records: list[Record] = [
        dialogue(str(number), said("user", *asked), said("assistant", answer))
        for number, (*asked, answer) in enumerate(texts)
    ]
    shapes = ["alpaca", "trl"] if suffix == ".csv" else list(SHAPES)
    for shape in shapes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"rows{suffix}"
            assert exported(path, shape, records) == Exported(len(texts), {})
            back = read_back(path, READERS[shape])
        for record, found in zip(records, back, strict=True):
            assert isinstance(record, Dialogue) and isinstance(found, Dialogue)
            given = [(role, harmless(text)) for role, text in plain(record.messages)]
            got = [(role, harmless(text)) for role, text in plain(found.messages)]
            if suffix == ".csv" and shape == "alpaca":  # the context is a cell of its own
                given = [(role, text.replace("'", "")) for role, text in given]
                got = [(role, text.replace("'", "")) for role, text in got]
            elif suffix == ".csv":
                got = [(role, text) for role, text in plain(found.messages)]
            assert got == given and found.id == f"{READERS[shape]}:{record.id}"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5), st.sampled_from(FORMATS))
def test_pairs_come_back_from_trl(texts: list[tuple[str, str, str]], suffix: str) -> None:
    records: list[Record] = [pair(str(number), *each) for number, each in enumerate(texts)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        exported(path, "trl", records)
        back = read_back(path, "trl")
    for record, found in zip(records, back, strict=True):
        assert isinstance(record, Preference) and isinstance(found, Preference)
        assert (found.prompt, found.ranking) == (record.prompt, record.ranking)
        assert [each.content for each in found.responses] == [each.content for each in record.responses]
        assert found.labelled_by == "human:a"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("shape", ["messages", "trl", "sharegpt"])
def test_a_long_talk_with_a_system_message_comes_back(tmp_path: Path, shape: str, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    exported(path, shape, [TALK])
    (back,) = read_back(path, READERS[shape])
    assert isinstance(back, Dialogue) and back.messages == TALK.messages


def test_rows_keep_where_they_came_from(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    exported(path, "alpaca", [EXCHANGE])
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "id": "e",
        "instruction": "요약해 줘.",
        "input": "긴 글\n두 줄",
        "output": "짧은 글",
        "kind": "talk",
        "source": "invented",
        "licence": "Apache-2.0",
    }


def test_a_ranking_of_three_is_three_pairs_and_a_tie_is_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    three = pair("r", "뭐 먹지?", "국수", "밥", "글쎄", ranking=((2,), (0,), (1,)))
    tie = pair("t", "뭐 하지?", "산책", "독서", ranking=((0, 1),))
    assert exported(path, "trl", [three, tie]) == Exported(3, {"tie": 1})
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["r.2-0", "r.2-1", "r.0-1"]
    assert [row["chosen"][0]["content"] for row in rows] == ["글쎄", "글쎄", "국수"]


def test_what_a_shape_cannot_hold_is_counted_and_nothing_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    prompt = dialogue("q", said("user", "누구세요?"))
    assert exported(path, "alpaca", [EXCHANGE, TALK, PAIR, prompt]) == Exported(
        1, {"system": 1, "preference": 1, "no-answer": 1}
    )
    with pytest.raises(DataProblem) as caught:
        exported(tmp_path / "none.jsonl", "alpaca", [PAIR, TALK])
    assert caught.value.code == "export-nothing" and not (tmp_path / "none.jsonl").exists()


def test_rows_of_one_file_have_the_same_columns(tmp_path: Path) -> None:
    found = exported(tmp_path / "rows.parquet", "trl", [PAIR, EXCHANGE])
    assert found == Exported(1, {"columns": 1})


def test_a_licence_that_forbids_it_stops_everything_before_a_byte_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("before", encoding="utf-8")
    closed = [
        dialogue(str(number), *TALK.messages, licence=licence)
        for number, licence in enumerate(["CC-BY-NC-4.0", "CC-BY-NC-4.0", "", "MIT"])
    ]
    with pytest.raises(DataProblem) as caught:
        exported(path, "messages", list(closed))
    assert caught.value.exit_code == 3
    assert caught.value.parameters["licences"] == '"CC-BY-NC-4.0": 2; "none": 1'
    with pytest.raises(DataProblem) as caught:
        exported(path, "messages", list(closed), ("CC-BY-NC-4.0",))
    assert caught.value.parameters["licences"] == '"none": 1'
    assert path.read_text(encoding="utf-8") == "before"
    assert exported(path, "messages", list(closed), ("CC BY-NC 4.0", "CC-BY-NC-4.0", "none")).rows == 4


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_that_begins_a_formula_is_made_text(tmp_path: Path, begin: str) -> None:
    path = tmp_path / "rows.csv"
    harmful = f'{begin}HYPERLINK("http://example.invalid","눌러")'
    exported(path, "alpaca", [dialogue("=1", said("user", harmful), said("assistant", "네 = 1"))])
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["instruction"] == f"'{harmful}" and row["id"] == "'=1" and row["output"] == "네 = 1"


def test_only_what_is_flat_goes_into_a_table(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem):
        exported(tmp_path / "rows.csv", "messages", [TALK])
    long_pair = PAIR.model_copy(update={"prompt": TALK.messages[:-1]})
    assert exported(tmp_path / "rows.csv", "trl", [PAIR, long_pair]) == Exported(1, {"many-turns": 1})


def test_an_unknown_shape_or_suffix_is_refused_first(tmp_path: Path) -> None:
    for shape, name in (("alpacca", "rows.jsonl"), ("alpaca", "rows.xlsx"), ("alpaca", "rows")):
        with pytest.raises(UsageProblem):
            exported(tmp_path / name, shape, [EXCHANGE])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_a_failure_midway_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    exported(path, "alpaca", [EXCHANGE])
    before = path.read_bytes()
    calls = 0

    def records() -> list[Record]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise DajeongError("export-nothing", shape="-", left_out="-")
        return [EXCHANGE]

    with pytest.raises(DajeongError):
        export(records, "alpaca", path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
