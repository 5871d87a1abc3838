"""A save that dies before any of its system calls costs at most itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

OLD, NEW = (f"update-{number:08d}" for number in (2, 3))
MEMORY = Path("/dev/shm")
"""A disk without the seconds that true flushes take, where there is one."""


def test_R01_a_save_killed_before_any_of_its_system_calls_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Aimed at `save` that forgets old checkpoints first, and with one that writes in place."""
    child = Path(__file__).with_name("killed_saves.py")
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as place:
        command = [sys.executable, str(child), place]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    *killed, unharmed = map(json.loads, done.stdout.splitlines())
    assert unharmed["call"] is None and unharmed["found"] == 3
    assert {"open", "write", "fsync", "replace", "rmdir"} <= {line["call"] for line in killed}
    assert len(killed) > 25
    renamed = next(place for place, line in enumerate(killed) if line["found"] == 3)
    assert [line["found"] for line in killed] == [2] * renamed + [3] * (len(killed) - renamed)
    for line in killed:
        assert line["whole"] and line["said"] == [], line
        assert line["after"] == [OLD, NEW], line
