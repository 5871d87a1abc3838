"""JSON is taken out of a reply where it is whole, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.remote.json_text import json_in

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
).filter(lambda value: isinstance(value, dict | list))


@given(
    VALUES,
    st.sampled_from(
        ["{}", "```json\n{}\n```", "```\n{}\n```", "답입니다:\n{}", "{}\n\n도움이 되길!", " \n{} "]
    ),
)
def test_a_whole_value_is_found_however_it_is_wrapped(value: Any, frame: str) -> None:
    assert json_in(frame.replace("{}", json.dumps(value, ensure_ascii=False))) == value


@given(VALUES, st.data())
def test_a_value_cut_off_is_none(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=False)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert json_in(cut) is None and json_in(f"```json\n{cut}") is None


@pytest.mark.parametrize(
    "text",
    ["", "네", "12", '"글"', "null", '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1} {"b": 2}', "[" * 100_000]
    + ["```json\n[1]\n```\n```json\n[2]\n```", "{'a': 1}", '{"a": 1,}', "[1] 또는 [2]"],
)
def test_what_is_no_single_value_is_none(text: str) -> None:
    assert json_in(text) is None


def test_half_a_character_can_be_written_and_a_whole_one_stays() -> None:
    assert json_in(r'{"a": ["half \ud800", "whole \ud83c\udf31"], "\udc00": 1}') == {
        "a": ["half \ufffd", "whole 🌱"],
        "\ufffd": 1,
    }
