"""The built-in demo so small that a run takes seconds, and what of a run folder must be equal to the byte."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TINY = "{layers: 1, hidden: 32, heads: 2, vocabulary: 400, positions: 256}"

SETTINGS = (
    "scale=0.02",
    "threads=1",
    f"base.tiny={TINY}",
    "smalltalk.num_texts=4000",
    "smalltalk.num_sft=4000",
    "smalltalk.num_pairs=3000",
    "base.updates=500",
    "base.checkpoint_every=4",
    "sft.updates=300",
    "sft.checkpoint_every=2",
    "sft.optimizer.learning_rate=0.02",
    "replies.save_every=16",
    "replies.decoding.max_new_tokens=12",
    "pairs.unfinished=keep",
    "reward.updates=300",
    "reward.checkpoint_every=2",
    "ppo.updates=150",
    "ppo.epochs=2",
    "ppo.prompts_per_update=4",
    "ppo.checkpoint_every=1",
    "ppo.optimizer.learning_rate=0.05",
    "ppo.decoding.max_new_tokens=12",
    "evaluate.decoding.max_new_tokens=12",
)
"""After scaling: 10 updates of the base, 6 of SFT and of the reward model, 3 rollouts of 2 updates each;
with rates so high that another model writes other replies."""

STEPS = ("smalltalk", "base", "sft", "replies", "pairs", "reward", "ppo", "reward-report", "evaluate")


def arguments(run: Path, *more: str) -> list[str]:
    """The command line of a small run in `run`; `more` are settings that win over ours."""
    settings = [f"--set={setting}" for setting in (*SETTINGS, *more)]
    return ["run", "demo", "--out", str(run), "--lang", "en", "--json", *settings]


class Done(NamedTuple):
    """A run's end: exit code, negative where a signal killed it, and what it said."""

    code: int
    out: str
    err: str

    @property
    def worked_on(self) -> list[str]:
        """The steps that were not done already, in order."""
        return re.findall(r"^\[\d/9\] ([\w-]+)(?:: going on)?$", self.err, re.MULTILINE)

    @property
    def done_already(self) -> list[str]:
        return re.findall(r"^\[\d/9\] ([\w-]+): done already$", self.err, re.MULTILINE)


class Nursery:
    """Gives birth to runs; see nursery.py."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder

    def run(
        self,
        given: Sequence[str],
        points: Sequence[tuple[str, int]] = (),
        number: int = signal.SIGKILL,
        page: bool = False,
        times: int = 1,
        calls: dict[str, Any] | None = None,
    ) -> Done:
        streams = {"out": str(self.folder / "out"), "err": str(self.folder / "err")}
        how = {"points": list(points), "signal": int(number), "times": times, "page": page, "calls": calls}
        job = {"arguments": list(given), **how, **streams}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        out, err = (Path(stream).read_text(encoding="utf-8") for stream in streams.values())
        return Done(code, out, err)


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "DAJEONG_LANG": "en"}


@contextlib.contextmanager
def nursery_in(folder: Path) -> Iterator[Nursery]:
    """A nursery whose runs speak into files of `folder`."""
    command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment(), **pipes) as process:
        yield Nursery(process, folder)
        assert process.stdin
        process.stdin.close()


def outcome(run: Path) -> dict[str, bytes]:
    """What must be equal: every file of every model, every record, the results."""
    files = [*run.glob("models/*/**/*"), *run.glob("steps/*/*.jsonl"), run / "results.json"]
    return {
        file.relative_to(run).as_posix(): file.read_bytes()
        for file in sorted(files)
        if file.is_file() and file.name != "journal.jsonl"
    }


def journals(run: Path) -> dict[str, list[dict[str, Any]]]:
    """Every step's diary, times left out."""
    return {
        file.parent.name: [_untimed(line) for line in _lines(file)]
        for file in run.glob("steps/*/journal.jsonl")
    }


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _untimed(line: str) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(line)
    del entry["time"]
    return entry


def names(run: Path) -> set[str]:
    """Every file and folder there is."""
    return {path.relative_to(run).as_posix() for path in run.rglob("*")}


def begun_again_at(run: Path, step: str) -> None:
    """Forget `step` and all after it, so that what stood before need not be made twice."""
    for name in STEPS[STEPS.index(step) :]:
        for folder in (run / "steps" / name, run / "models" / name):
            shutil.rmtree(folder, ignore_errors=True)
