"""One process works in a run folder; a second one is told who does.

The lock is the operating system's and dies with its process, so a kill never leaves one in the way. The note
beside it (pid, host, start) is only for the message. On a network disk that shares no locks, other hosts are
not seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from dajeong.errors import EnvironmentProblem, RunLocked
from dajeong.storage import write_json


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the run folder. Raises RunLocked where another process does, EnvironmentProblem if unwritable."""
    from filelock import FileLock, Timeout

    _made(run)
    lock = FileLock(run / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise RunLocked("run-locked", run=run, **_owner(run)) from problem
    except OSError as problem:
        raise EnvironmentProblem("folder-unwritable", path=run, problem=problem.strerror) from problem
    try:
        owner = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "start": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        write_json(run / "lock.json", owner)
        yield
    finally:
        (run / "lock.json").unlink(missing_ok=True)
        lock.release()


def _made(run: Path) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise EnvironmentProblem("folder-unwritable", path=run, problem=problem.strerror) from problem


def _owner(run: Path) -> dict[str, object]:
    """Who holds the lock; question marks in the moment before the note is written."""
    try:
        note = json.loads((run / "lock.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {}
    return {key: note.get(key, "?") for key in ("pid", "host", "start")}
