"""The file of answers and payments: shared by threads and processes, refused when it is something else."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from asking import client, questions

from dajeong.errors import DataProblem
from dajeong.remote import ledger as module
from dajeong.remote.ledger import Ledger
from dajeong.remote.prices import Usage
from scripted_server import scripted


def test_many_threads_and_two_files_open_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    ledgers = [Ledger(path), Ledger(path)]

    def work(number: int) -> None:
        mine = ledgers[number % 2]
        for turn in range(20):
            call = mine.reserve("s", 10, None)
            assert call is not None
            mine.settle(call, "answered", 7, Usage(1, 2), {f"{number}-{turn}": "답"})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].totals() == (160 * 7, 0)
    assert ledgers[1].bill("s")[2:] == (160, 160, 160, 320)
    assert len(ledgers[0].answers([f"{n}-{t}" for n in range(8) for t in range(20)])) == 160
    for each in ledgers:
        each.close()


def test_two_starts_at_once_cannot_reserve_the_same_money(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "kept"), Ledger(tmp_path / "kept")
    granted = [each.reserve("s", 30, 100) for each in (one, other) * 3]
    assert sum(call is not None for call in granted) == 3
    one.close()
    other.close()


def test_what_a_killed_process_left_open_stays_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Ledger(tmp_path / "kept")
    call = first.reserve("s", 30, None)
    assert call is not None
    monkeypatch.setattr(module, "THIS_PROCESS", "another")
    second = Ledger(tmp_path / "kept")
    assert second.totals() == (0, 30) and second.reserve("s", 80, 100) is None
    assert second.bill("s").uncertain == 30 / 1e12
    first.settle(call, "answered", 12, Usage(1, 1))  # it was alive, after all
    assert second.totals() == (12, 0)
    first.close()
    second.close()


def test_the_file_is_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "here" / "kept"
    ledger = Ledger(path)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    ledger.close()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\0" * 84])
def test_a_file_that_is_none_is_refused_with_the_way_out(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(content)
    with pytest.raises(DataProblem, match="kept"):
        Ledger(path)
    assert path.read_bytes() == content


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "kept") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(DataProblem, match="99"):
        Ledger(tmp_path / "kept")


def test_steps_of_a_run_share_the_file(tmp_path: Path) -> None:
    with scripted() as server:
        with client(server, tmp_path / "kept") as one, client(server, tmp_path / "kept") as other:
            one.answers(questions(10))
            assert len(other.answers(questions(12))) == 12
        assert len(server.calls) == 12
