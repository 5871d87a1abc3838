"""What people see while a run works: bars on a terminal, a plain line now and then in a pipe or a log.

All of it goes to stderr, and none of it can stop a run: a reader that has gone away is no reason to fail.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from dajeong.messages import text
from dajeong.progress import Bar, Progress, Quiet

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichBars
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 30.0
AT_ONCE_S = 1.0
"""What a bar has done within its first second was done before: a resumed step must not look fast."""


@contextlib.contextmanager
def progress_on(stream: TextIO | None = None, quiet: bool = False) -> Iterator[Progress]:
    """Bars where `stream` (stderr by default) is a terminal, plain lines where not, nothing when quiet."""
    stream = stream or sys.stderr
    if quiet:
        yield Quiet()
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        bars = Bars(stream)
        try:
            yield bars
        finally:
            bars.stop()
    else:
        yield Lines(stream)


class Lines:
    """Progress in a pipe: one line per sentence, and per bar one line each half minute and one at its end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.clock = clock

    @contextlib.contextmanager
    def bar(self, code: str, total: int, **parameters: object) -> Iterator[Bar]:
        line = _LineBar(self, text(code, **parameters), total)
        yield line
        line.show()

    def say(self, code: str, **parameters: object) -> None:
        self.write(text(code, **parameters))

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(line + "\n")
            self.stream.flush()


class _LineBar:
    def __init__(self, lines: Lines, label: str, total: int) -> None:
        self.lines = lines
        self.label = label
        self.total = total
        self.done = 0
        self.done_before = 0
        self.note = ""
        self.began_at = self.shown_at = lines.clock()

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        self.note = note or self.note
        now = self.lines.clock()
        if now - self.began_at < AT_ONCE_S:
            self.done_before = self.done
        if now - self.shown_at >= SECONDS_BETWEEN_LINES:
            self.show()

    def show(self) -> None:
        self.shown_at = self.lines.clock()
        self.lines.write(f"{self.label}: {self.done}/{self.total} {self.note} {self._left()}".strip())

    def _left(self) -> str:
        """How long it will still take at the pace so far; nothing where that is unknown, or none is left."""
        done = self.done - self.done_before
        if done <= 0 or self.done >= self.total:
            return ""
        seconds = round((self.shown_at - self.began_at) * (self.total - self.done) / done)
        return text("time-left", left=f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}")


class Bars:
    """Progress on a terminal, drawn by rich; NO_COLOR and narrow terminals are rich's own care."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self.console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self.bars: RichBars | None = None
        self.num_open = 0

    @contextlib.contextmanager
    def bar(self, code: str, total: int, **parameters: object) -> Iterator[Bar]:
        bars = self._opened()
        task = bars.add_task(text(code, **parameters), total=total, note="")
        try:
            yield _RichBar(bars, task)
        finally:
            self.num_open -= 1
            if self.num_open == 0:
                self.stop()

    def say(self, code: str, **parameters: object) -> None:
        with contextlib.suppress(OSError):
            self.console.print(text(code, **parameters), soft_wrap=True)

    def stop(self) -> None:
        """Leave the last state of the bars on the screen."""
        if self.bars:
            with contextlib.suppress(OSError):
                self.bars.stop()
            self.bars = None

    def _opened(self) -> RichBars:
        self.num_open += 1
        if self.bars is None:
            self.bars = _bars_with_notes(self.console)
            self.bars.start()
        return self.bars


def _bars_with_notes(console: Console) -> RichBars:
    """Bars; under them what each last said of itself: a line that may be longer than a bar leaves room."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class WithNotes(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["note"]:
                    yield Text(f"  {task.fields['note']}")

    described = TextColumn("{task.description}", markup=False)
    columns = (described, BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
    return WithNotes(*columns, console=console, refresh_per_second=4)


class _RichBar:
    def __init__(self, bars: RichBars, task: TaskID) -> None:
        self.bars = bars
        self.task = task

    def advance(self, steps: int = 1, note: str = "") -> None:
        fields = {"note": note} if note else {}
        self.bars.update(self.task, advance=steps, **fields)  # type: ignore[arg-type]
