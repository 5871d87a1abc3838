"""Recipes are read strictly: a surprise of YAML is the value that was meant, or a refusal with its line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dajeong.errors import DataProblem, UsageProblem
from dajeong.yaml_strict import MAX_BYTES, parse, read, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        (".5", 0.5),
        ("3.", 3.0),
        ("+7", 7),
        ("-12", -12),
        ("0", 0),
        ("0.10", 0.1),
        ("0x1f", 31),
        ("0o17", 15),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("010-1234", "010-1234"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("<<", "<<"),
        ("다정", "다정"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    got = parse(f"key: {text}\n", "r.yaml").value["key"]
    assert got == value and type(got) is type(value)
    assert scalar(text, "here") == value


@pytest.mark.parametrize("text", ["010", "-08", "00", ".inf", "-.INF", ".nan", "1e999", "9" * 5000])
def test_numbers_that_could_mean_something_else_are_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match=r"r\.yaml:2"):
        parse(f"a: 1\nseed: {text}\n", "r.yaml")


@pytest.mark.parametrize("text", ['"010"', "'no'", '"1e-4"', '"true"', '""'])
def test_quoted_scalars_stay_text(text: str) -> None:
    assert parse(f"key: {text}", "r.yaml").value["key"] == text[1:-1]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3),
        ("a:\n  b: 1\n  b: 2\n", "yaml-duplicate-key", 3),
        ("a: &x 1\n", "yaml-anchor", 1),
        ("a: 1\nb: *x\n", "yaml-anchor", 2),
        ("? &x a\n: 1\n", "yaml-anchor", 1),
        ("a: !!python/object/apply:os.system [ls]\n", "yaml-tag", 1),
        ("a: !!str 1\n", "yaml-tag", 1),
        ("a: 1\n---\nb: 2\n", "yaml-several-documents", 2),
        ("? [a]\n: 1\n", "yaml-key", 1),
        ("a: [1, 2\nb: 3\n", "yaml-syntax", 2),
        ("a: 1\n b: 2\n", "yaml-syntax", 2),
        ("\x01", "yaml-syntax", 1),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(text, "r.yaml")
    assert caught.value.code == code
    assert f"r.yaml:{line}" in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    with pytest.raises(UsageProblem) as caught:
        parse(bomb, "bomb.yaml")
    assert caught.value.code == "yaml-anchor"


@pytest.mark.parametrize("text", ["[" * 10_000, "a: " + "[" * 10_000 + "]" * 10_000, "{a: " * 10_000])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(text, "deep.yaml")
    assert caught.value.code == "yaml-too-deep"


def test_size_is_bounded_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: 1\n" * (2 * MAX_BYTES // 5))
    began = time.perf_counter()
    with pytest.raises(UsageProblem) as caught:
        read(path)
    assert caught.value.code == "yaml-too-large"
    assert time.perf_counter() - began < 0.2


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("이름: 다정\n".encode("cp949"), "CP949"),
        ("이름: 다정\n".encode("utf-16"), "UTF-16"),
        ("name: dajeong\n".encode("utf-16-le"), "UTF-16"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes, encoding: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageProblem, match=encoding):
        read(path)


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + "이름: 다정\n".encode())
    assert read(path).value == {"이름": "다정"}


def test_a_missing_file_is_a_data_problem(tmp_path: Path) -> None:
    with pytest.raises(DataProblem):
        read(tmp_path / "none.yaml")


def test_lines_of_keys_and_items() -> None:
    document = parse("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y: 3\n", "r.yaml")
    assert document.line(("a",)) == 1
    assert document.line(("b", "c")) == 3
    assert document.line(("b", "d", 1, "y")) == 6
    assert document.line(("b", "c", "unknown", "deeper")) == 3


def test_an_empty_file_is_nothing() -> None:
    assert parse("# only a comment\n", "r.yaml").value is None


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_json, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_means_what_json_means(value: object, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps({"key": value}, indent=indent, ensure_ascii=ascii_only)
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be in a file
    if any(character in text for character in "\x7f\x85\u2028\u2029\ufeff\ufffe\uffff") or _has_control(text):
        return  # not allowed raw in YAML
    assert json.dumps(parse(text, "r.json").value) == json.dumps({"key": value})


def _has_control(text: str) -> bool:
    return any("\x80" <= character <= "\x9f" for character in text)


@given(st.text(alphabet="abc:[]{}&*!#|>%@`'\",?- \n\t0123", max_size=40))
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    try:
        parse(text, "r.yaml")
    except UsageProblem as problem:
        assert str(problem)


@given(
    st.dictionaries(
        st.text("abcde", min_size=1), st.integers(-99, 99) | st.booleans() | st.none(), max_size=5
    )
)
def test_what_pyyaml_writes_is_read_back(value: dict[str, object]) -> None:
    assert parse(yaml.safe_dump(value), "r.yaml").value == value
