"""Files, folders and archives: all that is wanted is found in order, what is dangerous is refused whole."""

from __future__ import annotations

import dataclasses
import io
import stat
import zipfile
from pathlib import Path

import pytest
from reading_step import Heard, Outcome

from dajeong.data import files
from dajeong.data.files import raw_files
from dajeong.data.lines import read_rows
from dajeong.data.rows import Row
from dajeong.errors import DataProblem

ROW = '{"instruction": "점심 뭐 먹을까?", "output": "김치찌개가 좋겠어요."}\n'


def other(number: int) -> str:
    return ROW.replace("점심", f"{number}번째 점심")


def zipped(path: Path, members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refused(path: Path) -> DataProblem:
    with pytest.raises(DataProblem) as caught:
        list(read_rows(path))
    assert caught.value.exit_code == 3 and path.name in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for number, name in enumerate(
        ["b/2.jsonl", "a.jsonl", "b/1.JSONL", ".hidden.jsonl", "b/._1.jsonl", "c.md"]
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(other(number), encoding="utf-8")
    outcome = Outcome(tmp_path / "run", "alpaca", [tmp_path]).run()
    said = [record.messages[0].content[:3] for record in outcome.dialogues]
    assert said == ["1번째", "2번째", "0번째"]
    assert outcome.stats["by_file"] == {tmp_path.name: 3}


@pytest.mark.parametrize("name", ["a.jsonl", "a.zip", "folder"])
def test_a_file_that_changes_while_it_is_read_is_not_kept(name: str, tmp_path: Path) -> None:
    content = "".join(map(other, range(3))) + "{"
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    file = path / "a.jsonl" if name == "folder" else path
    if name == "a.zip":
        zipped(file, {"a.jsonl": content})
    else:
        file.write_text(content, encoding="utf-8")

    class Editing(Heard):
        def say(self, code: str, **parameters: object) -> None:
            with file.open("ab") as opened:  # the line that cannot be read is told while the file is open
                opened.write(b"\n")

    outcome = Outcome(tmp_path / "run", "alpaca", [path], max_unreadable=0.5)
    outcome.work = dataclasses.replace(outcome.work, progress=Editing())
    problem = outcome.stopped()
    assert problem.code == "file-changed" and file.name in str(problem)


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    members: dict[str, str | bytes] = {
        "말뭉치/2.jsonl": other(2),
        "말뭉치/1.jsonl": other(1),
        "__MACOSX/말뭉치/._1.jsonl": b"\x00\x05\x16\x07",
        "말뭉치/.DS_Store": b"\x00",
        "말뭉치/안내.pdf": b"%PDF-1.4",
    }
    outcome = Outcome(tmp_path, "alpaca", [zipped(tmp_path / "말뭉치.zip", members)]).run()
    assert [record.messages[0].content[:1] for record in outcome.dialogues] == ["1", "2"]
    assert outcome.stats["by_file"] == {"말뭉치.zip": 2}


def test_two_members_of_one_name_are_both_read(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", other(1))
        archive.writestr("a.jsonl", other(2))
    assert [row.value["instruction"][0] for row in read_rows(tmp_path / "a.zip") if isinstance(row, Row)] == [
        "1",
        "2",
    ]


def test_names_of_korean_windows_are_read(tmp_path: Path) -> None:
    """Its archives hold names in CP949 and do not say so."""
    path = zipped(tmp_path / "a.zip", {"xx.jsonl": ROW})
    name = "말.jsonl".encode("cp949")
    assert len(name) == len(b"xx.jsonl")
    path.write_bytes(path.read_bytes().replace(b"xx.jsonl", name))
    (file,) = raw_files(path)
    assert file.name.endswith("!말.jsonl") and len(list(read_rows(path))) == 1


def test_a_folder_of_archives_as_downloaded(tmp_path: Path) -> None:
    """Labels in one archive, raw text in another: the one without anything wanted is no error."""
    zipped(tmp_path / "TL1.zip", {"a.json": "[" + ROW + "]"})
    zipped(tmp_path / "TS1.zip", {"a.txt": "점심 뭐 먹을까?\n"})
    found = [Path(file.name).name for file in raw_files(tmp_path, (".json",))]
    assert found == ["TL1.zip!a.json"]
    (tmp_path / "TL1.zip").unlink()
    with pytest.raises(DataProblem) as caught:
        list(raw_files(tmp_path, (".json",)))
    assert caught.value.code == "folder-nothing"


@pytest.mark.parametrize(
    "name",
    [
        "../밖.jsonl",
        "안/../../밖.jsonl",
        "/etc/밖.jsonl",
        "..\\밖.jsonl",
        "C:\\밖.jsonl",
        "c:밖.jsonl",
        "a/..",
    ],
)
def test_names_that_point_outside_are_refused(name: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"good.jsonl": ROW, "x": ""})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), ROW)
    problem = refused(path)
    assert problem.code == "archive-outside"
    assert list(tmp_path.iterdir()) == [path], "nothing is unpacked"


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused(tmp_path / "a.zip").code == "archive-outside"


@pytest.mark.parametrize("suffix", ["zip", "ZIP", "tar", "tar.gz", "7z", "egg"])
def test_an_archive_in_an_archive_is_refused(suffix: str, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.jsonl", ROW)
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROW, f"b/inner.{suffix}": inner.getvalue()})
    assert refused(path).code == "archive-nested"


def test_an_archive_that_grows_beyond_reason_is_refused(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.zip", {"a.txt": b"\n" * 20_000_000})
    problem = refused(bomb)
    assert problem.code == "archive-bomb" and problem.parameters["size"] == 20_000_000


def test_text_that_packs_well_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL", 100_000)
    path = zipped(tmp_path / "a.zip", {"a.jsonl": "".join(map(other, range(5_000)))})
    assert sum(1 for _ in read_rows(path)) == 5_000


@pytest.mark.parametrize(("name", "limit"), [("MAX_MEMBERS", 3), ("MAX_UNPACKED", 300)])
def test_too_many_members_and_too_many_bytes_are_refused(
    name: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {f"{number}.jsonl": other(number) for number in range(4)})
    assert sum(1 for _ in read_rows(path)) == 4
    monkeypatch.setattr(files, name, limit)
    assert refused(path).code == "archive-bomb"


def test_a_size_that_lies_cannot_grow(tmp_path: Path) -> None:
    """A member is read no further than the size it declares, and its sum is checked."""
    path = zipped(tmp_path / "a.zip", {"a.txt": b"x\n" * 500}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    size = (1000).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(DataProblem) as caught:
        assert sum(1 for _ in read_rows(path)) <= 5
    assert caught.value.code == "archive-broken"


def test_a_locked_archive_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROW})
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    assert refused(path).code == "archive-locked"


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_a_cut_archive_is_named(cut: int, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROW})
    path.write_bytes(path.read_bytes()[:-cut])
    assert refused(path).code == "archive-broken"


def test_damage_inside_an_archive_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": "".join(map(other, range(50)))})
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    assert refused(path).code == "archive-broken"


def test_an_archive_that_is_none_and_one_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text(ROW, encoding="utf-8")
    assert refused(tmp_path / "a.zip").code == "archive-broken"
    assert refused(tmp_path / "b.zip").code == "file-missing"
    assert refused(zipped(tmp_path / "c.zip", {"a.md": "#"})).code == "folder-nothing"


BEGINNINGS = {
    "gzip": b"\x1f\x8b\x08\x00",
    "zip archive": b"PK\x03\x04",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "PDF": b"%PDF-1.7\n",
    "HWP": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "SQLite": b"SQLite format 3\x00",
}


@pytest.mark.parametrize("kind", BEGINNINGS)
@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "xlsx"])
def test_a_file_of_another_kind_is_named(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(BEGINNINGS[kind] + bytes(range(256)) * 4)
    problem = refused(path)
    assert problem.code == "file-kind" and kind in str(problem.parameters["kind"])


def test_a_pointer_of_git_lfs_is_named_with_the_way_out(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 264050765\n"
    (tmp_path / "kullm-v2.jsonl").write_text(pointer, encoding="utf-8")
    problem = refused(tmp_path / "kullm-v2.jsonl")
    assert problem.code == "file-pointer" and problem.parameters["size"] == 264_050_765
    assert "git lfs pull" in str(problem)
