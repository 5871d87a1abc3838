"""What was asked, answered and paid, in one SQLite file that outlives any kill. Knows no HTTP and no key.

Every request is entered with its highest price before it is sent and settled after it: a kill leaves it
open, and what it may have cost stays counted. Threads that come at the same time share one transaction.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from dajeong.errors import DataProblem, EnvironmentProblem
from dajeong.remote.prices import PICO, Usage

T = TypeVar("T")

THIS_PROCESS = uuid.uuid4().hex
LAYOUT = 1
"""Raised when the tables change."""
TABLES = """
CREATE TABLE answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, process TEXT NOT NULL, outcome TEXT NOT NULL,
    most INTEGER NOT NULL, cost INTEGER,
    prompt_tokens INTEGER, completion_tokens INTEGER, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE totals (name TEXT PRIMARY KEY, pico INTEGER NOT NULL);
CREATE TABLE models (service TEXT PRIMARY KEY, model TEXT NOT NULL);
INSERT INTO totals VALUES ('spent', 0), ('held', 0);
"""


class Bill(NamedTuple):
    """What one service has cost this run so far, earlier starts included."""

    spent: float
    """Dollars, exactly, of all calls whose price is known."""
    uncertain: float
    """Dollars at most of calls that a kill or a broken connection left without an answer."""
    calls: int
    answered: int
    prompt_tokens: int
    completion_tokens: int


class Ledger:
    """Answers by key, calls, and totals. Safe between threads, and between processes that share the file."""

    def __init__(self, path: Path | None) -> None:
        """None keeps everything in memory, for as long as the ledger is open."""
        self.path = path
        self.spent = 0
        """Pico-dollars of the whole file, as of the last transaction."""
        self._lock = threading.Lock()
        self._queue: list[_Job] = []
        self._queue_lock = threading.Lock()
        self._db = self._opened()

    def answers(self, keys: Sequence[str]) -> dict[str, str]:
        """The kept answers among the keys."""

        def read(db: sqlite3.Connection) -> dict[str, str]:
            marks = ",".join("?" * len(keys))
            return dict(db.execute(f"SELECT key, answer FROM answers WHERE key IN ({marks})", keys))

        return self._read(read)

    def reserve(self, service: str, most: int, budget: int | None) -> int | None:
        """Enter a call before it is sent; its number, or None where it might exceed the budget."""

        def enter(db: sqlite3.Connection) -> int | None:
            totals = dict(db.execute("SELECT name, pico FROM totals"))
            if budget is not None and totals["spent"] + totals["held"] + most > budget:
                return None
            db.execute("UPDATE totals SET pico = pico + ? WHERE name = 'held'", (most,))
            entered = db.execute(
                "INSERT INTO calls (service, process, outcome, most) VALUES (?, ?, 'open', ?)",
                (service, THIS_PROCESS, most),
            )
            return entered.lastrowid

        return self._write(enter, durable=False)

    def settle(
        self,
        call: int,
        outcome: str,
        cost: int | None,
        usage: Usage | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        """Enter how a call ended, and the answers it brought, in one. On the disk when it returns.

        `cost` None: nobody knows, so its highest price stays counted.
        """

        def enter(db: sqlite3.Connection) -> None:
            most, before = db.execute("SELECT most, cost FROM calls WHERE id = ?", (call,)).fetchone()
            tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
            db.execute(
                "UPDATE calls SET outcome = ?, cost = ?, prompt_tokens = ?, completion_tokens = ? "
                "WHERE id = ?",
                (outcome, cost, *tokens, call),
            )
            if cost is not None and before is None:
                db.execute("UPDATE totals SET pico = pico - ? WHERE name = 'held'", (most,))
                db.execute("UPDATE totals SET pico = pico + ? WHERE name = 'spent'", (cost,))
            db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", (answers or {}).items())

        self._write(enter)

    def model_of(self, service: str, model: str | None = None) -> str | None:
        """Which model has answered under this service's name; enters `model` where none has."""

        def enter(db: sqlite3.Connection) -> str | None:
            if model is not None:
                db.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", (service, model))
            found = db.execute("SELECT model FROM models WHERE service = ?", (service,)).fetchone()
            return cast("str", found[0]) if found else None

        return self._write(enter) if model is not None else self._read(enter)

    def totals(self) -> tuple[int, int]:
        """Pico-dollars spent, and at most spent besides, by all services of this file."""
        found = self._read(lambda db: dict(db.execute("SELECT name, pico FROM totals")))
        return found["spent"], found["held"]

    def bill(self, service: str) -> Bill:
        query = """
            SELECT COALESCE(SUM(cost), 0), COALESCE(SUM(CASE WHEN cost IS NULL THEN most END), 0), COUNT(*),
                   COALESCE(SUM(outcome = 'answered'), 0), COALESCE(SUM(prompt_tokens), 0),
                   COALESCE(SUM(completion_tokens), 0)
            FROM calls WHERE service = ?"""
        spent, uncertain, *counts = self._read(lambda db: db.execute(query, (service,)).fetchone())
        return Bill(spent / PICO, uncertain / PICO, *counts)

    def usual_reply(self, service: str, at_least: int = 20) -> float | None:
        """The mean length of replies so far, in tokens, once there are some."""
        query = (
            "SELECT COUNT(*), AVG(completion_tokens) FROM calls WHERE service = ? AND outcome = 'answered'"
        )
        count, mean = self._read(lambda db: db.execute(query, (service,)).fetchone())
        return mean if count >= at_least else None

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _opened(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # texts of users: for nobody else
        try:
            db = sqlite3.connect(
                self.path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
            )
            db.execute("PRAGMA journal_mode = WAL")
            _lay_out(db, self.path)
            db.execute(
                "UPDATE calls SET outcome = 'lost' WHERE outcome = 'open' AND process != ?", (THIS_PROCESS,)
            )
            self.spent = db.execute("SELECT pico FROM totals WHERE name = 'spent'").fetchone()[0]
            return db
        except sqlite3.Error as problem:
            raise self._explained(problem) from problem

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return read(self._db)
            except sqlite3.Error as problem:
                raise self._explained(problem) from problem

    def _write(self, write: Callable[[sqlite3.Connection], T], durable: bool = True) -> T:
        """Whoever gets the lock does the work of all who wait for it, with one flush to the disk.

        What is not `durable` outlives a killed process, but perhaps not a power cut.
        """
        job = _Job(write, durable)
        with self._queue_lock:
            self._queue.append(job)
        with self._lock:
            if not job.done:
                with self._queue_lock:
                    jobs, self._queue = self._queue, []
                self._do_together(jobs)
        if isinstance(job.problem, sqlite3.Error):
            raise self._explained(job.problem) from job.problem
        if job.problem is not None:
            raise job.problem
        return cast("T", job.result)

    def _do_together(self, jobs: Sequence[_Job]) -> None:
        flush = "FULL" if any(job.durable for job in jobs) else "NORMAL"
        try:
            self._db.execute(f"PRAGMA synchronous = {flush}")
            self._db.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.result = job.write(self._db)
            self.spent = self._db.execute("SELECT pico FROM totals WHERE name = 'spent'").fetchone()[0]
            self._db.execute("COMMIT")
        except Exception as problem:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for job in jobs:
                job.problem = problem
        finally:
            for job in jobs:
                job.done = True

    def _explained(self, problem: sqlite3.Error) -> Exception:
        if "disk is full" in str(problem):
            return EnvironmentProblem("disk-full", path=self.path)
        return DataProblem("ledger-unreadable", path=self.path, problem=problem)


class _Job:
    """One caller's part of a transaction."""

    def __init__(self, write: Callable[[sqlite3.Connection], Any], durable: bool) -> None:
        self.write = write
        self.durable = durable
        self.result: Any = None
        self.problem: Exception | None = None
        self.done = False


def _lay_out(db: sqlite3.Connection, path: Path | None) -> None:
    """Make the tables where there are none; two processes may come at once."""
    db.execute("BEGIN IMMEDIATE")
    layout = db.execute("PRAGMA user_version").fetchone()[0]
    if layout == 0:
        for statement in TABLES.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {LAYOUT}")
    db.execute("COMMIT")
    if layout not in (0, LAYOUT):
        raise DataProblem("ledger-unreadable", path=path, problem=f"layout {layout}, expected {LAYOUT}")
