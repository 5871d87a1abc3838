"""A measured process that stays: one line in asks for one round of its work, one line out says what it took.

Both sides of a comparison stay loaded and take turns; nothing is timed but the work itself. Standard library
only, for it runs in every environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "PYTHONWARNINGS": "ignore",
}


def serve(warm_up: Callable[[], Any], work: Callable[[], Any]) -> None:
    """Answers the first line of standard input with what `warm_up` returns, all others with what `work` does.

    Libraries may print: to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for number, _ in enumerate(sys.stdin):
        answers.write(json.dumps(work() if number else warm_up()) + "\n")
        answers.flush()


class Clock:
    """CPU- and wall-seconds since it was started; may be stopped and started again."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0

    def start(self) -> None:
        self._begun = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        self.cpu += time.process_time() - self._begun[0]
        self.wall += time.perf_counter() - self._begun[1]

    def seconds(self) -> dict[str, float]:
        return {"cpu_seconds": self.cpu, "wall_seconds": self.wall}


class Side:
    """A process that serves, seen from the command that asks it."""

    def __init__(self, python: Path, script: Path, *arguments: str) -> None:
        self.name = f"{script.parent.name}/{script.name} {' '.join(arguments[1:])}".strip()
        self.process = subprocess.Popen(
            [str(python), str(script), *arguments],
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self) -> Any:
        """What one round of its work gives. Raises RuntimeError where the process has ended."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not (line := self.process.stdout.readline()):
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait():
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}")
