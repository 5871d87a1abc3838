"""Events on the disk, twice: SQLite and a file of lines. Each heals the other when it is opened.

A vote is in both before it is answered for. Knows events by their id and nothing of what they mean.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from dajeong.errors import DataProblem, EnvironmentProblem
from dajeong.serving.label_copy import LineCopy
from dajeong.serving.label_votes import EVENT, Event, Vote

DATABASE, COPY = "votes.sqlite", "votes.jsonl"
BUSY_S = 2.0
"""How long a vote waits for another writer before the page is asked to send it again."""

_TABLE = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    item TEXT,
    annotator TEXT NOT NULL,
    at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT
"""


class Healed(NamedTuple):
    """What was wrong with the two copies when they were opened."""

    damaged: Path | None
    """Where the damaged database was put aside."""
    into_database: int
    into_copy: int


class Store:
    """The only writer of a folder of votes; its caller holds the folder's lock."""

    def __init__(self, folder: Path, busy_s: float = BUSY_S) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database, damaged = _sound(folder / DATABASE, busy_s)
        self._copy = LineCopy(folder / COPY)
        kept, copied = _events_in(self._database), _readable(self._copy.lines)
        known, lined = {event.id for event in kept}, {event.id for event in copied}
        lost = list({event.id: event for event in copied if event.id not in known}.values())
        uncopied = [event for event in kept if event.id not in lined]
        if lost:
            with self._transaction():
                self._insert(lost)
        if uncopied:
            with self._copy.adding(*map(_line, uncopied)):
                pass
        self.events = [*kept, *lost]
        """All there were when it was opened, in their order."""
        self.healed = Healed(damaged, len(lost), len(uncopied))

    def append(self, event: Event) -> None:
        """Keep an event in both copies. Raises EnvironmentProblem where one cannot: neither has it then."""
        try:
            with self._transaction(), self._copy.adding(_line(event)):
                self._insert([event])
                self._database.execute("COMMIT")
        except (sqlite3.Error, OSError) as problem:
            raise EnvironmentProblem("labels-unwritable", problem=problem) from problem

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Begun at once as a writer: a deferred one is refused where two begin together."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            if self._database.in_transaction:
                self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def _insert(self, events: Sequence[Event]) -> None:
        rows = [
            (
                each.id,
                each.event,
                each.item if isinstance(each, Vote) else None,
                each.annotator,
                each.at,
                _body(each),
            )
            for each in events
        ]
        self._database.executemany(
            "INSERT INTO events (id, event, item, annotator, at, body) VALUES (?, ?, ?, ?, ?, ?)", rows
        )

    def close(self) -> None:
        self._database.close()
        self._copy.close()


def read_events(folder: Path) -> list[Event]:
    """A snapshot, also while a page writes. Raises DataProblem where there are none or they are damaged."""
    path = folder / DATABASE
    if not path.is_file():
        raise DataProblem("labels-none", path=folder)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S)) as database:
            return _events_in(database)
    except sqlite3.Error as problem:
        raise DataProblem("labels-damaged", path=path, problem=problem) from problem


class _Damaged(Exception):
    """The file is there and is no sound database."""


def _sound(path: Path, busy_s: float) -> tuple[sqlite3.Connection, Path | None]:
    """The database; a damaged one is put aside and a new one begun, to be filled from the copy."""
    with contextlib.suppress(_Damaged):
        return _checked(path, busy_s), None
    aside = path.with_suffix(".damaged")
    os.replace(path, aside)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    return _checked(path, busy_s), aside


def _checked(path: Path, busy_s: float) -> sqlite3.Connection:
    """Raises _Damaged, or EnvironmentProblem where it cannot be written: locked, no space."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # else SQLite makes it for everyone to read
    database = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        _durable(database)
        database.execute(_TABLE)
        found = database.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            raise _Damaged(found[0][0])
        return database
    except (sqlite3.Error, _Damaged) as problem:
        database.close()
        if isinstance(problem, _Damaged) or problem.sqlite_errorcode & 0xFF in _DAMAGE:
            raise _Damaged(str(problem)) from problem
        raise EnvironmentProblem("labels-unwritable", problem=problem) from problem


_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _durable(database: sqlite3.Connection) -> None:
    """Write-ahead log, so that exports read while votes are written; every commit reaches the disk."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")


def _events_in(database: sqlite3.Connection) -> list[Event]:
    return [_event(body) for (body,) in database.execute("SELECT body FROM events ORDER BY number")]


def _readable(lines: Sequence[bytes]) -> list[Event]:
    """A line of the copy that cannot be read is one that the database has to have."""
    found = []
    for line in lines:
        with contextlib.suppress(DataProblem):
            found.append(_event(line))
    return found


def _event(body: str | bytes) -> Event:
    try:
        return EVENT.validate_json(body)
    except ValidationError as problem:
        raise DataProblem("labels-unreadable", line=repr(body)[:120]) from problem


def _body(event: Event) -> str:
    return event.model_dump_json()


def _line(event: Event) -> bytes:
    return _body(event).encode("utf-8")
