"""Bad data through the command a user types: the exit code, one line that says where, no half work."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.storage import read_json
from shared_data import SHARED, needs_shared

ROW = {"instruction": "점심 뭐 먹을까?", "output": "김치찌개가 좋겠어요."}
Read = Callable[..., str]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


def line(number: int = 0, **more: Any) -> str:
    return json.dumps({**ROW, "instruction": f"{number}. 점심 뭐 먹을까?", **more}, ensure_ascii=False)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Read:
    """`dajeong data read SOURCE FILE --out out.jsonl`, its exit code checked; gives the error."""
    monkeypatch.chdir(tmp_path)

    def _read(
        source: str, content: bytes | str | Path, *more: str, exits: int = 3, name: str = "rows.jsonl"
    ) -> str:
        if isinstance(content, Path):
            name = str(content)
        else:
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        code = main(["data", "read", source, name, "--out", "out.jsonl", "--quiet", *more])
        out, err = capsys.readouterr()
        assert code == exits, err
        assert "Traceback" not in err and out == ""
        assert Path("out.jsonl").exists() == (exits == 0)
        if exits:
            assert err.startswith("dajeong: ") and len(err.splitlines()) == 1, err
        return err

    return _read


def rejects() -> list[dict[str, Any]]:
    (file,) = Path().rglob("rejects.jsonl")
    return [json.loads(each) for each in file.read_text(encoding="utf-8").splitlines()]


def stats() -> dict[str, Any]:
    (file,) = Path().rglob("stats.json")
    found: dict[str, Any] = read_json(file)
    return found


@pytest.mark.parametrize("where", [3, 2], ids=["last line", "middle line"])
def test_a_truncated_line(where: int, read: Read) -> None:
    lines = [line(1), line(2), line(3)]
    lines[where - 1] = lines[where - 1][:30]
    said = read("alpaca", "\n".join(lines))
    assert f"rows.jsonl:{where}" in said and "cut off" in said and "1 of 3" in said
    assert [(reject["file"], reject["line"]) for reject in rejects()] == [("rows.jsonl", where)]
    read("alpaca", "\n".join(lines), "--set", "max_unreadable=0.5", exits=0)
    assert stats()["records"] == 2


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_another_encoding(encoding: str, read: Read) -> None:
    said = read("alpaca", line().encode(encoding))
    assert encoding.upper() in said and "iconv" in said and "byte" in said


def test_decomposed_hangul_is_composed_and_counted(read: Read) -> None:
    read("alpaca", unicodedata.normalize("NFD", line()), exits=0)
    assert stats()["changed"] == {"nfc": 2}
    assert "점심" in Path("out.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('{"instruction": "\\ud83d", "output": "나"}', r"half a character (\ud83d)"),
        ('{"instruction": "가\\u0000", "output": "나"}', "NUL"),
        ('{"instruction": "가", "output": "나", "score": NaN}', "NaN"),
        ('{"instruction": "가", "output": "나", "score": 1e999}', "1e999"),
        ('{"instruction": "가", "instruction": "다", "output": "나"}', "instruction twice"),
        ('{"instruction": ' + "[" * 100_000, "nested too deeply"),
        ('{"instruction": "' + "가" * 3_400_000 + '", "output": "나"}', "10000000 bytes"),
        ("[]", "list"),
    ],
    ids=lambda value: value[:20],
)
def test_a_line_that_json_should_not_hold(bad: str, says: str, read: Read) -> None:
    content = f"{line(1)}\n{bad}\n{line(2)}\n"
    said = read("alpaca", content)
    assert "rows.jsonl:2" in said and says in said and len(said) < 700
    read("alpaca", content, "--set", "max_unreadable=0.5", exits=0)
    assert stats()["records"] == 2


def test_a_line_separator_and_windows_line_ends_split_nothing(read: Read) -> None:
    read("alpaca", "\ufeff" + line(1, output="하나\u2028둘") + "\r\n" + line(2) + "\r\n", exits=0)
    assert stats()["rows"] == 2


@pytest.mark.parametrize("content", ["", "\n\r\n \n", "[]"])
def test_nothing_in_it(content: str, read: Read) -> None:
    assert "holds no records" in read("alpaca", content)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_half_a_json_document(name: str, read: Read) -> None:
    whole = json.dumps([ROW, ROW], ensure_ascii=False, indent=1)
    said = read("alpaca", whole[: len(whole) * 3 // 4], name=name)
    assert f"{name}:7" in said and "cut off" in said
    half = json.dumps({"document": [ROW]}, ensure_ascii=False, indent=1)[:-10]
    assert "cut off" in read("nikl", half, name="document.json")


def turns(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{number}"} for number, role in enumerate(roles)]}


PAIR = {"prompt": "점심 뭐 먹을까?", "chosen": "찌개가 좋겠어요.", "rejected": "몰라."}
CODES = {
    "empty answer": ("alpaca", {**ROW, "output": ""}, "empty-answer"),
    "white space": ("alpaca", {**ROW, "output": " \n\t"}, "empty-answer"),
    "zero width": ("alpaca", {**ROW, "output": "\u200b\u2060"}, "empty-answer"),
    "only an end marker": ("alpaca", {**ROW, "output": "<|endoftext|>"}, "empty-answer"),
    "empty question": ("alpaca", {**ROW, "instruction": "\u3000"}, "empty-prompt"),
    "answer is the question": ("alpaca", {**ROW, "output": ROW["instruction"]}, "answer-is-prompt"),
    "one side empty": ("preference", {**PAIR, "rejected": ""}, "empty-answer"),
    "both sides the same": ("preference", {**PAIR, "rejected": PAIR["chosen"]}, "same-answers"),
    "swapped roles": ("messages", turns("assistant", "user"), "row-roles"),
    "two user turns": ("messages", turns("user", "user", "assistant"), "row-roles"),
    "only an answer": ("messages", turns("assistant"), "row-roles"),
    "unknown role": ("messages", turns("robot"), "row-role"),
    "no answer": ("alpaca", {"instruction": "점심 뭐 먹을까?"}, "row-field"),
    "answer null": ("alpaca", {**ROW, "output": None}, "row-type"),
    "question a number": ("alpaca", {**ROW, "instruction": 3}, "row-type"),
}
GOOD = {"alpaca": ROW, "preference": PAIR, "messages": turns("user", "assistant")}


@pytest.mark.parametrize("name", CODES)
def test_every_fault_has_a_code_a_count_and_an_example(name: str, read: Read) -> None:
    source, row, code = CODES[name]
    rows = [GOOD[source], row]
    limits = ("--set", "max_unreadable=0.5", "--set", "max_dropped=0.5")
    read(source, "\n".join(json.dumps(each, ensure_ascii=False) for each in rows), *limits, exits=0)
    (reject,) = rejects()
    assert (reject["line"], reject["code"]) == (2, code) and reject["reason"] and reject["excerpt"]
    assert stats()["unreadable"] + sum(stats()["dropped"].values()) == 1
    Path("out.jsonl").unlink()
    read(source, json.dumps(row, ensure_ascii=False))


def test_wrong_columns_are_listed_and_a_map_is_suggested(read: Read) -> None:
    table = "번호,질문,답변\r\n1,점심 뭐 먹을까?,찌개요.\r\n"
    said = read("alpaca", "\ufeff" + table, name="rows.csv")
    assert (
        "번호, 질문, 답변" in said and "source: columns, options: {instruction: 질문, output: 답변}" in said
    )
    columns = ("--set", "options.instruction=질문", "--set", "options.output=답변")
    read("columns", table, *columns, exits=0, name="rows.csv")
    assert stats()["records"] == 1


def test_a_file_of_another_source_is_recognised(read: Read) -> None:
    said = read("alpaca", json.dumps(PAIR, ensure_ascii=False))
    assert "source: preference" in said and "columns" not in said.partition("(rows like")[2]


def test_a_table_of_a_spreadsheet(read: Read) -> None:
    table = '\ufeff"instruction","output"\r\n"점심\r\n뭐 먹을까?","그는 ""찌개""라고 했다."\r\n'
    read("alpaca", table, exits=0, name="rows.csv")
    assert "점심\\r\\n뭐" in Path("out.jsonl").read_text(encoding="utf-8")
    Path("out.jsonl").unlink()
    assert "CP949" in read("alpaca", table.removeprefix("\ufeff").encode("cp949"), name="rows.csv")
    assert "rows.csv:2" in read("alpaca", table[:-12], name="rows.csv")
    twice = "instruction,output,output\n가,나,다\n"
    assert "output twice" in read("alpaca", twice, name="rows.csv")


def test_schemas_may_be_mixed_in_one_file(read: Read) -> None:
    rows = [
        {"instruction": "하나?", "output": "가."},
        {"instruction": "둘?", "input": None, "output": "나."},
        {"instruction": "셋?", "input": "<noinput>", "output": "다."},
        {"instruction": "넷?", "instances": [{"input": "", "output": "라."}]},
        {"input": "다섯?", "output": "마."},
        {"prompt": "여섯?", "response": "바."},
    ]
    read("alpaca", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows), exits=0)
    assert stats()["records"] == 6


def test_ids_that_come_twice_are_told_apart_and_counted(read: Read) -> None:
    rows = [line(1, id="a"), line(2, id="a"), line(3, id="a#2"), line(4, id="a")]
    read("alpaca", "\n".join(rows), exits=0)
    ids = [json.loads(each)["id"] for each in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert ids == ["alpaca:a", "alpaca:a#2", "alpaca:a#2#2", "alpaca:a#3"] and stats()["repeated_ids"] == 3


PEAK = """
import sys
from pathlib import Path
from dajeong.data.read import run
from dajeong.data.settings import ReadSettings
from dajeong.workplace import Workplace
run(ReadSettings(source="alpaca", path=(sys.argv[1],)), Workplace(Path(sys.argv[2]), "read"))
status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
"""In kB, of this program alone: what `resource` says begins with the process that started it."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_memory_stays_bounded_whatever_the_file(tmp_path: Path) -> None:
    """The whole step in a process of its own: 70 MB of rows, and one line of 12 MB among them."""
    path = tmp_path / "rows.jsonl"
    filler = "가나다라마바사 " * 230
    with path.open("w", encoding="utf-8") as file:
        for number in range(12_000):
            file.write(line(number, output=f"{number} {filler}") + "\n")
            if number == 100:
                file.write(line(number, output="가" * 4_000_000) + "\n")
    command = [sys.executable, "-c", PEAK, str(path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size > 70e6 and int(done.stdout) < 300_000


@needs_shared
def test_the_published_file_without_answers_ends_in_one_clear_line(read: Read) -> None:
    said = read("vaiv-preference", SHARED / "vaiv/preference/conversation_set/conversation_train.json")
    assert "conversation_train.json" in said and "1500 of 1500" in said and "empty-answer 1500" in said
    assert len(rejects()) == 1_500
