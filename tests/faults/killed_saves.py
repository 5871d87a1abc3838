"""Saves a third checkpoint again and again, each time killed before another of its system calls.

    python killed_saves.py FOLDER      one line of JSON for every call, on stdout

Every save runs in a fork of this process, which has loaded everything; the parent then looks at what is left.
Not a test itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from dajeong.progress import Quiet
from dajeong.training.checkpoint import Checkpoint, Checkpoints

SYSTEM_CALLS = {
    "open",
    "write",
    "flush",
    "close",
    "fsync",
    "replace",
    "rename",
    "mkdir",
    "unlink",
    "remove",
    "rmdir",
    "chmod",
    "serialize_file",
    "open_code",
    "truncate",
    "scandir",
}
"""Names of C functions behind which the disk is; `serialize_file` is safetensors'."""


class Heard(Quiet):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append(code)


def at(update: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(update)
    tensors = {name: torch.randn(8, 5, generator=generator) for name in ("parameter/a", "exp_avg/a")}
    return Checkpoint(update, tensors, {"algorithm": {"done": update}})


def killed_before(number: int, checkpoints: Checkpoints) -> str | None:
    """Save update 3 in a fork that dies before its `number`-th system call; None if it has no so many."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        left = number

        def heard(frame: FrameType, event: str, function: Any) -> None:
            nonlocal left
            if event == "c_call" and function.__name__ in SYSTEM_CALLS:
                left -= 1
                if left == 0:
                    os.write(writing, function.__name__.encode())
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(heard)
        checkpoints.save(at(3))
        sys.setprofile(None)
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as told:
        call = told.read().decode()
    return call if os.waitstatus_to_exitcode(status) == -signal.SIGKILL else None


def is_whole(found: Checkpoint | None) -> bool:
    return found is not None and all(
        torch.equal(tensor, at(found.update).tensors[name]) for name, tensor in found.tensors.items()
    )


def main() -> None:
    before, place = Path(sys.argv[1]) / "before", Path(sys.argv[1]) / "checkpoints"
    for update in (1, 2):
        Checkpoints(before, {}, Quiet()).save(at(update))
    number, call = 0, ""
    while call is not None:
        number += 1
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(before, place)
        heard = Heard()
        checkpoints = Checkpoints(place, {}, heard)
        call = killed_before(number, checkpoints)
        found = checkpoints.latest()
        left = sorted(path.name for path in place.iterdir())
        checkpoints.save(at(3))  # as a run that goes on would
        after = sorted(path.name for path in place.iterdir())
        line = {"call": call, "found": found and found.update, "whole": is_whole(found), "left": left}
        print(json.dumps({**line, "after": after, "said": heard.said}), flush=True)


if __name__ == "__main__":
    main()
