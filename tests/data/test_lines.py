"""Reading rows: all that is good comes through, all that is bad is named with its line; no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data import json_list, rows
from dajeong.data.encodings import check_encoding
from dajeong.data.lines import read_rows
from dajeong.data.rows import BadRow, Row
from dajeong.errors import DataProblem

GOOD = '{"질문": "안녕?"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, content: bytes | str, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def refused(path: Path) -> DataProblem:
    with pytest.raises(DataProblem) as caught:
        list(read_rows(path))
    assert str(path) in str(caught.value) and caught.value.exit_code == 3
    return caught.value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.loads(json.dumps(value).replace("\\u0000", "")))
objects = st.dictionaries(
    st.text(st.characters(exclude_characters="\x00", codec="utf-8")), values, max_size=3
)


@given(given=st.lists(objects, min_size=1, max_size=5), ascii_only=st.booleans(), chunk=st.integers(1, 50))
def test_lines_and_lists_say_what_json_says(
    tmp_path_factory: pytest.TempPathFactory, given: list[dict[str, object]], ascii_only: bool, chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value in given]
    lines = written(folder, "\n".join(texts))
    lists = written(folder, json.dumps(given, ensure_ascii=ascii_only, indent=chunk % 3 or None), "data.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list, "_CHUNK", chunk)
        assert [row.value for row in read_rows(lines) if isinstance(row, Row)] == given
        assert [row.value for row in read_rows(lists) if isinstance(row, Row)] == given


def test_line_numbers_count_blank_lines_and_carriage_returns_go(folder: Path) -> None:
    path = written(folder, f"\n{GOOD}\r\n\r\n{GOOD}")
    assert [row.line for row in read_rows(path)] == [2, 4]


def test_a_line_separator_inside_a_string_does_not_split_it(folder: Path) -> None:
    path = written(folder, '{"a": "하나\u2028둘\x85셋"}\n')
    assert [row.value for row in read_rows(path) if isinstance(row, Row)] == [{"a": "하나\u2028둘\x85셋"}]


@pytest.mark.parametrize("name", ["data.jsonl", "data.json", "data.csv"])
def test_a_byte_order_mark_is_no_content(folder: Path, name: str) -> None:
    content = {"data.jsonl": '{"a": "1"}', "data.json": '[{"a": "1"}]', "data.csv": "a\n1\n"}[name]
    path = written(folder, b"\xef\xbb\xbf" + content.encode(), name)
    assert [row.value for row in read_rows(path) if isinstance(row, Row)] == [{"a": "1"}]


BAD_LINES = {
    "cut in a string": (b'{"a": "\xea\xb0\x80', "unreadable-cut"),
    "cut after a value": (b'{"a": 1', "unreadable-cut"),
    "wrong": (b"{'a': 1}", "unreadable-json"),
    "two objects": (b'{"a": 1} {"a": 2}', "unreadable-json"),
    "not a number": (b'{"a": NaN}', "unreadable-number"),
    "infinite": (b'{"a": -Infinity}', "unreadable-number"),
    "key twice": (b'{"a": 1, "a": 2}', "unreadable-twice"),
    "key twice inside": (b'{"b": {"a": 1, "a": 2}}', "unreadable-twice"),
    "deep": (b'{"a": ' + b"[" * 100_000, "unreadable-deep"),
    "half a character": (rb'{"a": "\ud83d"}', "unreadable-surrogate"),
    "NUL escaped": (rb'{"a": "\u0000"}', "unreadable-nul"),
    "NUL": (b'{"a": "\x00"}', "unreadable-nul"),
    "not UTF-8": (b'{"a": "\xff"}', "unreadable-bytes"),
    "no object": (b"[1, 2]", "unreadable-object"),
    "endless digits": (b'{"a": ' + b"9" * 5000 + b"}", "unreadable-number"),
    "a number too large": (b'{"a": 1e999}', "unreadable-number"),
    "deep, but not without end": (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "unreadable-deep"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_costs_only_itself(folder: Path, name: str) -> None:
    line, code = BAD_LINES[name]
    found = list(read_rows(written(folder, GOOD.encode() + b"\n" + line + b"\n" + GOOD.encode())))
    assert [type(row) for row in found] == [Row, BadRow, Row] and [row.line for row in found] == [1, 2, 3]
    bad = found[1]
    assert isinstance(bad, BadRow) and bad.code == code and bad.why and len(bad.excerpt) < 300


def test_what_only_looks_like_an_escape_is_read(folder: Path) -> None:
    path = written(folder, json.dumps({"a": "\\u0000 \\ud83d 😀"}))
    assert [row.value for row in read_rows(path) if isinstance(row, Row)] == [{"a": "\\u0000 \\ud83d 😀"}]


def test_the_place_of_a_fault_is_its_column(folder: Path) -> None:
    (bad,) = read_rows(written(folder, '{"a": "좋아요", b: 1}'))
    assert isinstance(bad, BadRow) and bad.column == 14 and "b: 1" in bad.excerpt


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\xef\xbb\xbf", b"[]"])
def test_a_file_without_records_is_named(folder: Path, content: bytes) -> None:
    assert refused(written(folder, content)).code == "file-empty"


def test_a_missing_file_and_a_folder_of_nothing_are_named(folder: Path) -> None:
    assert refused(folder / "nothing.jsonl").code == "file-missing"
    assert refused(folder).code == "folder-nothing"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("cp949", "CP949"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")],
)
@pytest.mark.parametrize("name", ["data.jsonl", "data.json", "data.csv", "data.txt"])
def test_another_encoding_is_named_with_the_way_out(
    folder: Path, encoding: str, named: str, name: str
) -> None:
    text = "\n".join(['{"질문": "오늘 뷁 날씨가 어때요?", "답": "맑아요."}'] * 2000)
    problem = refused(written(folder, text.encode(encoding), name))
    assert problem.code == "file-encoding" and problem.parameters["encoding"] == named
    assert f"iconv -f {named} -t UTF-8" in str(problem)


def test_one_stray_byte_is_no_other_encoding(folder: Path) -> None:
    content = (
        GOOD.encode() + b"\n" + GOOD.encode().replace(b"\xec\x95\x88", b"\xec\x95") + b"\n" + GOOD.encode()
    )
    assert [type(row) for row in read_rows(written(folder, content))] == [Row, BadRow, Row]


HANGUL = st.text(st.sampled_from("가나다라점심뭐먹을까요안녕하세뷁 \n"), min_size=4, max_size=40)


@given(
    text=HANGUL,
    strays=st.lists(st.tuples(st.integers(0, 200), st.integers(0x80, 0xFF)), min_size=1, max_size=3),
)
def test_stray_bytes_make_no_other_encoding_of_korean_text(text: str, strays: list[tuple[int, int]]) -> None:
    content = bytearray(("안녕하세요. " + text).encode())
    for place, byte in strays:
        content.insert(place % len(content), byte)
    check_encoding("a.txt", bytes(content))


@given(text=HANGUL)
def test_korean_text_in_the_old_encoding_is_known(text: str) -> None:
    with pytest.raises(DataProblem) as caught:
        check_encoding("a.txt", ("안녕하세요. " + text).encode("cp949"))
    assert caught.value.parameters["encoding"] == "CP949"


def test_an_over_long_line_is_left_out_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE", 40)
    long = '{"a": "' + "x" * 200 + '"}'
    found = list(read_rows(written(folder, f"{GOOD}\n{long}\n{GOOD}\n")))
    assert [type(row) for row in found] == [Row, BadRow, Row] and [row.line for row in found] == [1, 2, 3]


def test_in_a_list_a_refused_element_costs_only_itself(folder: Path) -> None:
    content = (
        '[\n{"a": 1},\n{"a": NaN},\n{"a": 1, "a": 2},\n7,\n{"a": "\\ud83d"},\n{"a": "\t"},\n{"a": 2}\n]\n'
    )
    found = list(read_rows(written(folder, content, "data.json")))
    codes = [row.code if isinstance(row, BadRow) else "" for row in found]
    assert codes == [
        "",
        "unreadable-number",
        "unreadable-twice",
        "unreadable-object",
        "unreadable-surrogate",
        "unreadable-json",
        "",
    ]
    assert [row.line for row in found] == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ('[\n{"a": 1},\n{"a": "열', 3, "cut off"),
        ('[\n{"a": 1},\n', 3, "cut off"),
        ('[\n{"a": 1}', 2, "cut off"),
        ('[{"a": 1}\n{"a": 2}]', 2, "']'"),
        ('[{"a": 1},\n {b: 2}]', 2, "JSON"),
        ('[{"a": 1}]\n[{"a": 2}]', 2, "after the list"),
        ('[{"a": ' + "[" * 100_000, 1, "deep"),
    ],
)
def test_a_list_that_breaks_off_stops_with_the_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str, line: int, says: str
) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    problem = refused(written(folder, content, "data.json"))
    assert problem.parameters["line"] == line and says in str(problem.parameters["problem"])


def test_an_element_without_end_stops_before_memory_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_list, "MAX_LINE", 200)
    monkeypatch.setattr(json_list, "_CHUNK", 50)
    monkeypatch.setenv("DAJEONG_LANG", "en")
    content = '[{"a": 1},\n{"a": "' + "x" * 5_000 + '"}]'
    problem = refused(written(folder, content, "data.json"))
    assert problem.parameters["line"] == 2 and "longer than 200" in str(problem.parameters["problem"])


def test_tables_keep_quoted_line_breaks_and_tabs_keep_quotes(folder: Path) -> None:
    comma = written(folder, 'a,b\r\n"하나\n둘","큰 ""따옴표"""\r\n3,4\r\n', "data.csv")
    assert list(read_rows(comma)) == [
        Row(2, {"a": "하나\n둘", "b": '큰 "따옴표"'}),
        Row(4, {"a": "3", "b": "4"}),
    ]
    tab = written(folder, 'a\tb\n"열린 따옴표\t2\n', "data.tsv")
    assert list(read_rows(tab)) == [Row(2, {"a": '"열린 따옴표', "b": "2"})]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_header_tells_what_parts_the_cells(folder: Path, mark: str) -> None:
    path = written(folder, f'a{mark}b, c\r\n"하나{mark}둘"{mark}"3\n4"\r\n'.replace(", c", ""), "data.csv")
    assert list(read_rows(path)) == [Row(2, {"a": f"하나{mark}둘", "b": "3\n4"})]


def test_a_column_without_a_name_gets_its_number_and_none_comes_twice(folder: Path) -> None:
    path = written(folder, "a,, b \n1,2,3\n", "data.csv")
    assert list(read_rows(path)) == [Row(2, {"a": "1", "#2": "2", "b": "3"})]
    assert refused(written(folder, "a,b,a\n1,2,3\n", "data.csv")).parameters["line"] == 1


def test_a_cell_may_be_as_long_as_a_line(folder: Path) -> None:
    long = "가" * 200_000
    assert list(read_rows(written(folder, f"a,b\n1,{long}\n", "data.csv"))) == [Row(2, {"a": "1", "b": long})]


def test_table_rows_of_another_width_and_bad_bytes_are_bad_rows(folder: Path) -> None:
    found = list(read_rows(written(folder, b"a,b\n1,2\n3\n\xff,4\n5,6\n", "data.csv")))
    assert [row.code if isinstance(row, BadRow) else "" for row in found] == [
        "",
        "unreadable-columns",
        "unreadable-bytes",
        "",
    ]


def test_an_open_quote_stops_with_its_line(folder: Path) -> None:
    problem = refused(written(folder, 'a,b\n1,2\n"3,4\n5,6\n', "data.csv"))
    assert problem.code == "line-unreadable" and problem.parameters["line"] == 3


def test_text_is_a_row_a_line(folder: Path) -> None:
    assert list(read_rows(written(folder, "하나\n\n둘\n", "data.txt"))) == [
        Row(1, {"text": "하나"}),
        Row(3, {"text": "둘"}),
    ]


def test_memory_stays_bounded(folder: Path) -> None:
    import tracemalloc

    element = json.dumps({"a": "가" * 300}, ensure_ascii=False)
    path = written(folder, "[" + ",\n".join([element] * 20_000) + "]", "data.json")
    tracemalloc.start()
    count = sum(1 for _ in read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000 and path.stat().st_size > 18e6 and peak < 12e6
