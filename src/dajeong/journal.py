"""The append-only diary of one step: metrics and samples, one JSON object a line, read by the report.

Times live here and in the manifest only, so that records and results can be compared byte for byte.
A resumed step cuts the diary back to its checkpoint's offset and writes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Entries have an `event` (`update`, `rollout`, `sample`, `note`…), a `time`, and plain JSON values."""

    def __init__(self, path: Path, cut_at: int | None = None) -> None:
        """Opens for appending; `cut_at` bytes are kept (0 begins anew)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("ab")
        if cut_at is not None:
            self._file.truncate(cut_at)

    def write(self, event: str, **values: Any) -> None:
        entry = {"event": event, "time": round(time.time(), 3), **values}
        self._file.write((json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8"))
        self._file.flush()  # people watch it while the step runs

    def offset(self) -> int:
        """Bytes written so far, all safely on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        self._file.close()


def read_journal(path: Path, event: str | None = None) -> Iterator[dict[str, Any]]:
    """Entries in order; a last line cut off by a kill is left out."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                entry = json.loads(line)
                if event is None or entry["event"] == event:
                    yield entry
