"""A disk that refuses in the middle of a save: said with what it needs, the last checkpoint intact."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dajeong.cli import _as_known
from dajeong.errors import EnvironmentProblem
from dajeong.progress import Quiet
from dajeong.training import checkpoint
from dajeong.training.checkpoint import Checkpoint, Checkpoints

REFUSALS = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EIO: "disk-failing",
    errno.EROFS: "folder-unwritable",
    errno.EACCES: "folder-unwritable",
}
SEAMS: dict[str, tuple[object, str]] = {
    "making its folder": (Path, "mkdir"),
    "writing the tensors": (checkpoint, "save_file"),
    "writing the state": (checkpoint, "write_json"),
    "flushing": (os, "fsync"),
    "renaming": (os, "replace"),
}


def at(update: int) -> Checkpoint:
    return Checkpoint(update, {"parameter/a": torch.full((1024, 512), float(update))}, {})


@pytest.fixture
def two(tmp_path: Path) -> Checkpoints:
    checkpoints = Checkpoints(tmp_path / "checkpoints", {}, Quiet())
    for update in (1, 2):
        checkpoints.save(at(update))
    return checkpoints


def refusing(number: int, real: Callable[..., Any], own_words: bool) -> Callable[..., Any]:
    def refuse(*given: Any, **named: Any) -> Any:
        if own_words:  # safetensors writes by itself and says it in this way
            raise RuntimeError(f"I/O error: {os.strerror(number)} (os error {number})")
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
@pytest.mark.parametrize("seam", SEAMS)
def test_R03_a_disk_that_refuses_is_named_and_the_last_checkpoint_stays(
    two: Checkpoints, monkeypatch: pytest.MonkeyPatch, seam: str, number: int
) -> None:
    """Seen to fail before: EIO and EROFS ended as a bug of ours, safetensors' own words in all cases."""
    owner, name = SEAMS[seam]
    monkeypatch.setattr(owner, name, refusing(number, getattr(owner, name), seam == "writing the tensors"))
    with pytest.raises(EnvironmentProblem) as caught:
        two.save(at(3))
    monkeypatch.undo()
    assert caught.value.code == "checkpoint-unwritten" and caught.value.exit_code == 4
    inner = caught.value.parameters["problem"]
    assert isinstance(inner, EnvironmentProblem) and inner.code == REFUSALS[number]
    assert "2.0 MiB" in str(caught.value) and "update-00000002" in str(caught.value)
    left = sorted(path.name for path in two.folder.iterdir())
    assert left == ["update-00000001", "update-00000002"], "no part of the new one is to be seen"
    found = two.latest()
    assert found is not None and torch.equal(found.tensors["parameter/a"], at(2).tensors["parameter/a"])
    two.save(at(3))
    assert (found := two.latest()) is not None and found.update == 3


def test_R03_too_little_room_is_seen_before_anything_is_written(
    two: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**30, 2**30, 3 * 2**20))
    with pytest.raises(EnvironmentProblem) as caught:
        two.save(at(3))
    assert "4.0 MiB" in str(caught.value) and "3.0 MiB" in str(caught.value)


TOO_LARGE = """\
import resource, signal, sys
from pathlib import Path
import torch
from dajeong.progress import Quiet
from dajeong.training.checkpoint import Checkpoint, Checkpoints

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
Checkpoints(Path(sys.argv[1]), {}, Quiet()).save(Checkpoint(3, {"a": torch.zeros(100_000)}, {}))
"""


def test_R03_a_refusal_that_safetensors_meets_by_itself_is_understood(two: Checkpoints) -> None:
    """A limit of the system's own, so that the words are the library's. Seen to fail where only OSError was
    understood."""
    command = [sys.executable, "-c", TOO_LARGE, str(two.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "dajeong.errors.EnvironmentProblem" in done.stderr.splitlines()[-1]
    assert "0.4 MiB" in done.stderr and os.strerror(errno.EFBIG) in done.stderr
    left = sorted(path.name for path in two.folder.iterdir())
    assert left == ["update-00000001", "update-00000002"]


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
def test_R03_a_refusal_anywhere_else_has_its_exit_code_too(number: int) -> None:
    known = _as_known(OSError(number, os.strerror(number), "runs/demo/steps/ppo/journal.jsonl"))
    assert known is not None and known.exit_code == 4 and "journal.jsonl" in str(known)
