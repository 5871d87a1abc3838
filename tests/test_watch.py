"""The watch: who stops beating is missed, who left is not, and of all that end one speaks."""

from __future__ import annotations

import threading

import pytest

from dajeong.errors import EnvironmentProblem
from dajeong.watch import Watch, is_of_the_others, process_gone


class Table:
    """A store in one process; `gone` makes it one whose keeper was killed."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.gone = False

    def add(self, key: str, value: int) -> int:
        if self.gone:
            raise RuntimeError("Connection reset by peer")
        self.counts[key] = self.counts.get(key, 0) + value
        return self.counts[key]


class Ends:
    """Waits for the code that a watch would end its process with."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.come = threading.Event()

    def __call__(self, code: int) -> None:
        self.codes.append(code)
        self.come.set()


def two(table: Table, **timing: float) -> list[Watch]:
    return [Watch(table, rank, 2, lambda code: None, **timing) for rank in (0, 1)]


def test_who_beats_is_there() -> None:
    one, other = two(Table(), patience_s=60)
    for _ in range(3):
        assert one.look() == [] and other.look() == []


def test_who_no_longer_beats_is_missed_and_who_left_is_not() -> None:
    one, other = two(Table(), patience_s=0)
    other.look()
    assert one.look() == [] and one.look() == [1]
    other.stop()
    assert one.look() == []


def test_a_store_that_is_gone_takes_its_keeper_along() -> None:
    table = Table()
    _, other = two(table, patience_s=0)
    table.gone = True
    assert other.look() == [0] and other.failed(4), "without it, the next one speaks"


def test_of_all_that_fail_one_speaks() -> None:
    one, other = two(Table())
    assert [one.failed(6), other.failed(6)] == [True, False]


def test_a_process_that_hangs_is_ended_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """Its partner was never there; it waits for it, as a collective does."""
    ends = Ends()
    Watch(Table(), 0, 2, ends, beat_s=0.001, patience_s=0.001).start()
    assert ends.come.wait(30) and ends.codes[0] == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_the_others_end_with_the_code_of_the_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dajeong.watch.LEAVING_S", 0.001)
    ends, table = Ends(), Table()
    watch = Watch(table, 0, 2, ends, beat_s=0.001, patience_s=60)
    Watch(table, 1, 2, lambda code: None).failed(6)
    watch.start()
    assert ends.come.wait(30) and ends.codes[0] == 6
    assert capsys.readouterr().err == "", "why was said already"


def test_a_collective_that_failed_is_told_from_other_errors() -> None:
    torn = "[/gloo/transport/tcp/pair.cc:537] Connection closed by peer [127.0.0.1]:25267"
    assert is_of_the_others(RuntimeError(torn))
    assert not is_of_the_others(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_of_the_others(ValueError(torn))
    assert isinstance(process_gone(), EnvironmentProblem)
