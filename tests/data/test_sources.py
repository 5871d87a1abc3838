"""Sources: every shape of a row becomes the same record; a row not understood says what it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dajeong.data.readers.vaiv import vaiv_kind
from dajeong.data.rows import Bad, Left
from dajeong.data.settings import ReadSettings
from dajeong.data.sniff import likely_columns, likely_source
from dajeong.data.sources import SOURCES, find_source
from dajeong.errors import UsageProblem
from dajeong.records import Dialogue, Message, Preference, Record
from source_rows import OPTIONS, ROWS


def read(name: str, row: dict[str, Any]) -> Record:
    (record,) = SOURCES[name].records(name, row)
    assert isinstance(record, Record)
    return record


def dialogue(name: str, row: dict[str, Any]) -> Dialogue:
    record = read(name, row)
    assert isinstance(record, Dialogue)
    return record


def pair(name: str, row: dict[str, Any]) -> Preference:
    record = read(name, row)
    assert isinstance(record, Preference)
    return record


USER, ASSISTANT = Message(role="user", content="안녕?"), Message(role="assistant", content="반가워요.")


@pytest.mark.parametrize(
    "empty",
    [{}, {"input": None}, {"input": ""}, {"input": " "}, {"input": "<noinput>"}, {"input": "<noInput>"}],
)
def test_no_input_null_and_empty_are_one(empty: dict[str, Any]) -> None:
    record = dialogue("alpaca", {"instruction": "안녕?", "output": "반가워요."} | empty)
    assert record.messages == (USER, ASSISTANT)


def test_an_input_is_the_context() -> None:
    record = dialogue("alpaca", {"id": 7, "instruction": "요약해 줘.", "input": "긴 글", "output": "짧은 글"})
    assert record.messages[0].context == "긴 글" and record.id == "alpaca:7"
    only_input = dialogue("alpaca", {"instruction": "", "input": "안녕?", "output": "반가워요."})
    assert only_input.messages == (USER, ASSISTANT)


def test_nested_instances_are_records_of_their_own() -> None:
    row = {
        "id": "a",
        "instruction": "더해 줘.",
        "instances": [{"input": "1+1", "output": "2"}, {"input": "1+2", "output": "3"}],
    }
    records = SOURCES["alpaca"].records("alpaca", row)
    assert [record.id for record in records] == ["alpaca:a.0", "alpaca:a.1"]
    assert [dict(record)["messages"][0].context for record in records] == ["1+1", "1+2"]


def test_conversations_of_either_spelling_are_one() -> None:
    ours = {"messages": [{"role": "user", "content": "안녕?"}, {"role": "assistant", "content": "반가워요."}]}
    shared = {"conversations": [{"from": "human", "value": "안녕?"}, {"from": "gpt", "value": "반가워요."}]}
    assert dialogue("messages", ours).messages == dialogue("messages", shared).messages == (USER, ASSISTANT)


CHAT = [{"role": "user", "content": "안녕?"}]
GOOD, POOR = {"role": "assistant", "content": "반가워요."}, {"role": "assistant", "content": "응."}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "안녕?", "chosen": "반가워요.", "rejected": "응."},
        {"instruction": "안녕?", "chosen": "반가워요.", "rejected": "응."},
        {"prompt": CHAT, "chosen": [GOOD], "rejected": [POOR]},
        {"chosen": [*CHAT, GOOD], "rejected": [*CHAT, POOR]},
    ],
)
def test_pairs_of_every_shape_are_one(row: dict[str, Any]) -> None:
    record = pair("preference", row)
    assert record.prompt == (USER,) and record.ranking == ((0,), (1,))
    assert [response.content for response in record.responses] == ["반가워요.", "응."]


def test_our_own_records_come_back() -> None:
    given = dialogue("alpaca", {"instruction": "안녕?", "output": "반가워요."})
    assert read("dajeong", given.model_dump(mode="json")) == given
    ranked = pair("preference", {"prompt": "안녕?", "chosen": "반가워요.", "rejected": "응."})
    assert read("dajeong", ranked.model_dump(mode="json")) == ranked


@pytest.mark.parametrize(
    ("name", "row", "code", "says"),
    [
        ("alpaca", {"text": "?"}, "row-field", "instruction"),
        ("alpaca", {"instruction": "?"}, "row-field", "output"),
        ("alpaca", {}, "row-field", "–"),
        ("alpaca", {"instruction": 3, "output": "!"}, "row-type", "int"),
        ("alpaca", {"instruction": None, "output": "!"}, "row-type", "NoneType"),
        ("alpaca", {"instruction": "?", "instances": "!"}, "row-type", "instances"),
        ("messages", {"messages": []}, "row-type", "list"),
        ("messages", {"messages": [{"role": "robot", "content": "?"}]}, "row-role", "robot"),
        ("messages", {"messages": [*CHAT, *CHAT]}, "row-roles", "user → user"),
        ("messages", {"messages": [GOOD]}, "row-roles", "assistant"),
        ("messages", {"messages": [{"role": "user", "content": ["사진"]}]}, "row-type", "list"),
        ("preference", {"prompt": "?", "chosen": "!"}, "row-field", "rejected"),
        ("preference", {"prompt": 1, "chosen": "!", "rejected": "."}, "row-type", "int"),
        ("preference", {"prompt": [*CHAT, GOOD], "chosen": "!", "rejected": "."}, "row-roles", "assistant"),
        ("preference", {"chosen": [*CHAT, GOOD], "rejected": [*CHAT, GOOD, *CHAT, POOR]}, "row-sides", ""),
        ("dajeong", {"id": "a", "messages": [], "kind": 3}, "row-record", "Dialogue"),
        ("dajeong", {"id": "a", "ranking": [[0]], "responses": []}, "row-record", "Preference"),
        ("vaiv-prompts", {"id": "a"}, "row-field", "prompt"),
    ],
)
def test_a_row_that_cannot_be_understood_says_what_it_lacks(
    name: str, row: dict[str, Any], code: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    with pytest.raises(Bad) as caught:
        read(name, row)
    assert caught.value.code == code and says in caught.value.row(1, "").why


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "instruction",
        "input",
        "output",
        "instances",
        "messages",
        "role",
        "content",
        "prompt",
        "chosen",
        "rejected",
        "id",
    ]
)


rows = st.dictionaries(
    fields, json_values | st.lists(st.dictionaries(fields, json_values), max_size=3), max_size=5
)


@given(name=st.sampled_from(sorted(SOURCES)), row=rows)
def test_whatever_the_row_it_is_a_record_or_refused(name: str, row: dict[str, Any]) -> None:
    try:
        records = SOURCES[name].records(name, row)
    except Bad:
        return
    assert all(isinstance(part, Left) or part.id for part in records)


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        ("conversation_915", "talk"),
        ("conversaion_0", "talk"),
        ("hatespeech404", "abusive"),
        ("evol3", "general"),
        ("evol_instruction_25", "general"),
        ("translation_7", "translation"),
        ("selfInstruct_add_4", "general"),
    ],
)
def test_the_id_tells_what_kind_of_talk_it_is(identity: str, kind: str) -> None:
    assert vaiv_kind({"id": identity}) == vaiv_kind({"id3": identity}) == kind


def test_who_labelled_a_pair_is_kept() -> None:
    row = {"id": "conversaion_0", "prompt": "안녕?", "chosen": "반가워요.", "rejected": "응."}
    assert pair("vaiv-preference", row | {"id2": "conversation0"}).labelled_by == "judge:g-eval"
    assert pair("vaiv-preference", row).labelled_by == "human:vaiv"


def test_an_unknown_source_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageProblem) as caught:
        find_source("alpacca")
    assert caught.value.parameters["nearest"] == "alpaca" and "vaiv-sft" in str(caught.value)


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "dajeong"])
def test_an_id_left_out_is_made_of_the_content(name: str) -> None:
    row = {key: value for key, value in ROWS[name].items() if key not in ("id", "id3", "ID")}
    source = SOURCES[name].with_options(OPTIONS.get(name, {}))
    first, again = source.records(name, row), source.records(name, dict(row))
    assert first == again
    assert [record.id for record in first if isinstance(record, Record) and record.id.startswith(f"{name}:")]


@pytest.mark.parametrize("name", SOURCES)
def test_the_keys_of_a_row_tell_its_source(name: str) -> None:
    assert likely_source(ROWS[name]) == {"columns": None, "dajeong": "messages"}.get(name, name)


@pytest.mark.parametrize(
    ("identity", "more", "source"),
    [
        ("conversaion_0", {}, "vaiv-sft"),
        ("hatespeech7", {"chosen": "나.", "rejected": "다."}, "vaiv-preference"),
        ("user_oriented_task_7", {"motivation_app": "?"}, "kullm"),
        ("17499", {"motivation_app": "?"}, "evol"),
        ("vicuna_7", {}, "kullm"),
        ("evolution", {}, "alpaca"),
        (17, {}, "alpaca"),
    ],
)
def test_an_id_tells_what_the_keys_leave_open(identity: object, more: dict[str, Any], source: str) -> None:
    assert likely_source({"id": identity, "instruction": "가?", "output": "나.", **more}) == source


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"질문": "가?", "답변": "나."}, {"instruction": "질문", "output": "답변"}),
        ({"Question": "가?", "Answer": "나.", "n": 1}, {"instruction": "Question", "output": "Answer"}),
        (
            {"q": "가?", "better": "나.", "worse": "다."},
            {"instruction": "q", "chosen": "better", "rejected": "worse"},
        ),
        ({"question": "가?"}, {}),
        ({"a": 1, "b": 2}, {}),
    ],
)
def test_columns_of_other_names_are_recognised(row: dict[str, Any], columns: dict[str, str]) -> None:
    assert likely_columns(row) == columns


def test_options_are_for_sources_that_have_them() -> None:
    with pytest.raises(UsageProblem, match="no options"):
        SOURCES["alpaca"].with_options({"fillers": "strip"})
    with pytest.raises(ValidationError):
        SOURCES["nikl"].with_options({"filler": "strip"})
    told = SOURCES["nikl"].with_options({"fillers": "strip"})
    assert dict(told.records)["fillers"] == "strip"  # type: ignore[call-overload]
    assert dict(SOURCES["nikl"].records)["fillers"] == "keep"  # type: ignore[call-overload]


def test_settings_say_where_the_rows_are_and_check_the_options() -> None:
    for wrong in ({}, {"path": "a.json", "hub": {"name": "a/b"}}, {"path": "a.json", "options": {"x": 1}}):
        with pytest.raises(ValidationError):
            ReadSettings.model_validate({"source": "nikl", **wrong})
    assert ReadSettings.model_validate({"source": "nikl", "path": "a", "options": {"take": "first"}}).options
