"""Trackers beside a run: a thread each, fed from the journals on the disk. None of them can slow or stop it.

What a tracker has not taken yet waits in the journal, so nothing piles up in memory. Whatever goes wrong with
one is a single line to people.
"""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dajeong.progress import Progress
from dajeong.tracking.tail import Journals
from dajeong.tracking.trackers import TRACKERS, Tracker

EVERY_S = 1.0
"""Pause between two looks at the journals."""
PATIENCE_S = 10.0
"""How long the end of a run waits for all of its trackers together."""


@contextlib.contextmanager
def following(names: Sequence[str], run: Path, title: str, progress: Progress) -> Iterator[None]:
    """Inside, every tracker of `names` is told what the steps write into their journals."""
    followers = [Follower(name, run, title, progress) for name in dict.fromkeys(names)]
    for follower in followers:
        follower.start()
    try:
        yield
    finally:
        for follower in followers:
            follower.over.set()
        patience = time.monotonic() + PATIENCE_S
        for follower in followers:
            follower.join(max(0.0, patience - time.monotonic()))
            if follower.is_alive():
                progress.say("tracker-behind", tracker=follower.name, seconds=f"{PATIENCE_S:.0f}")


class Follower(threading.Thread):
    """Gives one tracker what is new, until the run is over."""

    def __init__(self, name: str, run: Path, title: str, progress: Progress) -> None:
        super().__init__(name=name, daemon=True)  # one that hangs must not hold the process
        self.folder, self.title, self.progress = run / "tracking" / name, title, progress
        self.journals = Journals(run)
        self.over = threading.Event()

    def run(self) -> None:
        if not is_installed(self.name):
            extra = f"pip install 'dajeong[{self.name}]'"
            self.progress.say("tracker-missing", tracker=self.name, install=extra)
            return
        try:
            self._follow()
        except Exception as problem:  # whatever it is, the run is not about it
            told = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
            self.progress.say("tracker-failed", tracker=self.name, problem=told)

    def _follow(self) -> None:
        """The tracker is made with its first reading: it may load what a step must be the first to load."""
        tracker: Tracker | None = None
        over = False
        while not over:
            over = self.over.wait(EVERY_S)
            for reading in self.journals.new():
                tracker = tracker or TRACKERS[self.name](self.folder, self.title)
                tracker.log(reading)
            if tracker:
                tracker.flush()
        if tracker:
            tracker.close()


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
