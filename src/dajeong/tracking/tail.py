"""The journals of a run as they grow: entries that are new, each once. Reads files, writes nothing.

A step that goes on cuts its journal back and writes the same entries again; they are passed over here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

COUNTERS = ("update", "rollout")
"""The field that says where in the step an entry stands."""
NOT_READINGS = (*COUNTERS, "of", "time", "event")


class Reading(NamedTuple):
    """The numbers of one entry of a step's journal."""

    step: str
    event: str
    at: int
    time: float
    numbers: Mapping[str, float]
    """`loss/nll`, `lr/policy`: names of nested fields joined by strokes."""


class Journals:
    """All journals below `run` that change from now on."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._tails: dict[Path, _Tail] = {}
        self._untouched = {path: _stamp(path) for path in self._paths()}
        """Steps done before: nobody has written to them since."""

    def new(self) -> Iterator[Reading]:
        """What was written since the last call."""
        for path in self._paths():
            if self._untouched.get(path) == _stamp(path):
                continue
            self._untouched.pop(path, None)
            tail = self._tails.setdefault(path, _Tail(path))
            yield from tail.new()

    def _paths(self) -> list[Path]:
        return sorted(self.run.glob("steps/*/journal.jsonl"))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class _Tail:
    def __init__(self, path: Path) -> None:
        self.path, self.step = path, path.parent.name
        self.offset = 0
        self.last: dict[str, int] = {}
        """Event → the highest place that was given out."""

    def new(self) -> Iterator[Reading]:
        for entry in self._entries():
            reading = _reading(self.step, entry)
            if reading and reading.at > self.last.get(reading.event, 0):
                self.last[reading.event] = reading.at
                yield reading

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Whole lines from where we stopped; from the beginning where the file was cut back meanwhile."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.offset or not self._at_a_line(
                    file.seek(max(0, self.offset - 1)), file
                ):
                    self.offset = 0
                file.seek(self.offset)
                lines = file.readlines()
        except FileNotFoundError:
            return
        for line in lines:
            if not line.endswith(b"\n"):
                return
            self.offset += len(line)
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry

    def _at_a_line(self, place: int, file: Any) -> bool:
        """Whether a line begins at our offset."""
        return self.offset == 0 or bool(file.read(1) == b"\n")


def _reading(step: str, entry: Mapping[str, Any]) -> Reading | None:
    at = next((entry[name] for name in COUNTERS if isinstance(entry.get(name), int)), None)
    numbers = dict(_numbers({key: value for key, value in entry.items() if key not in NOT_READINGS}))
    if at is None or not numbers:
        return None
    return Reading(step, str(entry["event"]), at, float(entry["time"]), numbers)


def _numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
