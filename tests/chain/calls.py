"""Counts the calls of one step of a run, Python's and C's, and kills the process before one of them.

With one thread a step makes the same calls every time, so a number is a place: in an update, in a rollout,
before the third write of a checkpoint. Nothing but a call reaches the disk, so no place between two matters.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

PHASES = {
    ("loop.py", "_step"): "update",
    ("loop.py", "_resume"): "going on",
    ("checkpoint.py", "save"): "checkpoint",
    ("native.py", "generate"): "rollout",
    ("adapters.py", "save_role"): "saving",
    ("full.py", "save_full"): "saving",
}
"""What a step is at while it is in a function; elsewhere it prepares or ends."""
ELSEWHERE = "around"


class Counter:
    """Counts from the moment it starts until it stops; kills at `kill_at`."""

    def __init__(self, kill_at: int = 0) -> None:
        self.kill_at, self.count = kill_at, 0
        self.phases: list[tuple[int, str]] = [(0, ELSEWHERE)]
        self._inside: list[tuple[FrameType, str]] = []
        self._known: dict[CodeType, str | None] = {}

    def start(self) -> None:
        sys.setprofile(self._heard)

    def stop(self) -> None:
        sys.setprofile(None)

    def spans(self) -> list[tuple[int, int, str]]:
        """(first call, last call, phase), without the calls of our own stop."""
        ends = [start for start, _ in self.phases[1:]] + [self.count]
        return [(first + 1, last, phase) for (first, phase), last in zip(self.phases, ends, strict=True)]

    def _heard(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "return":
            if self._inside and self._inside[-1][0] is frame:
                self._inside.pop()
                self._enter()
            return
        if event == "call":
            phase = self._phase(frame.f_code)
            if phase:
                self._inside.append((frame, phase))
                self._enter()
        elif event != "c_call":
            return
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _phase(self, code: CodeType) -> str | None:
        if code not in self._known:
            self._known[code] = PHASES.get((os.path.basename(code.co_filename), code.co_name))
        return self._known[code]

    def _enter(self) -> None:
        phase = self._inside[-1][1] if self._inside else ELSEWHERE
        if phase != self.phases[-1][1]:
            self.phases.append((self.count, phase))


def listen(report: str | None = None, step: str | None = None, kill_at: int = 0) -> None:
    """`report`: a file for the spans of every step that runs. `step`, `kill_at`: where to die."""
    from dajeong import pipeline

    run_step: Callable[..., None] = pipeline._run_step

    def counted(decision: Any, *rest: Any) -> None:
        name = decision.step.name
        counter = Counter(kill_at if name == step else 0)
        if report or name == step:
            counter.start()
        try:
            run_step(decision, *rest)
        finally:
            counter.stop()
        if report:
            with open(report, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": name, "spans": counter.spans()}) + "\n")

    pipeline._run_step = counted
