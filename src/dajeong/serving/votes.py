"""Votes between two answers, appended to a file of preferences. An acknowledged vote is on the disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from dajeong.artefacts import POSITION
from dajeong.records import Message, Preference, Response, content_id
from dajeong.serving.asked import VoteAsked
from dajeong.storage import read_records, sync_folder

RANKINGS = {"first": ((0,), (1,)), "second": ((1,), (0,)), "tie": ((0, 1),), "both-bad": ((0, 1),)}


class Votes:
    """One file, one process that writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[str] | None = None
        self._lock = threading.Lock()

    def add(self, vote: Preference) -> bool:
        """Write it down and wait for the disk; False where its id is there already."""
        with self._lock:
            if self._known is None:
                self._known = _whole_lines(self.path)
            if vote.id in self._known:
                return False
            _append(self.path, vote.model_dump_json().encode("utf-8") + b"\n")
            self._known.add(vote.id)
            return True


def vote_record(asked: VoteAsked, messages: tuple[Message, ...]) -> Preference:
    """The vote as a record; without an id of its own, the same vote has the same one."""
    words = [f"{message.role}: {message.content}" for message in messages]
    answers = [f"{answer.model}: {answer.content}" for answer in asked.responses]
    given = [asked.vote_id] if asked.vote_id else [*words, *answers, asked.choice, asked.annotator]
    return Preference(
        id=content_id("vote", *given),
        source="chat",
        meta={POSITION: [0, 1], "verdicts": {asked.choice: 1}, "blind": asked.blind},
        prompt=messages,
        responses=tuple(Response(content=each.content, author=each.model) for each in asked.responses),
        ranking=RANKINGS[asked.choice],
        labelled_by=f"human:{asked.annotator}",
    )


def _whole_lines(path: Path) -> set[str]:
    """Ids of the votes that are there. A torn last line was never acknowledged and goes."""
    if not path.is_file():
        return set()
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return {record.id for record in read_records(path, Preference)}


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    before = 0 if new else path.stat().st_size
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(28, "no space left on device")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)
