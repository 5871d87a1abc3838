"""What the function of a step sees of its run: its inputs, its folders, its diary, and whether to stop.

Knows nothing of recipes, fingerprints or other steps; the pipeline makes one for each step.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TypeVar

from pydantic import BaseModel

from dajeong.errors import Stopped
from dajeong.journal import Journal
from dajeong.progress import Progress, Quiet
from dajeong.storage import read_records, write_records

R = TypeVar("R", bound=BaseModel)

_signal_seen: int | None = None


@dataclass
class Workplace:
    run: Path
    name: str
    seed: int = 0
    inputs: Mapping[str, tuple[Path | str, ...]] = field(default_factory=dict)
    """Input field → record files, or model references (a folder or a Hub id), in the recipe's order."""
    model_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Input field → how the recipe calls each of its models."""
    progress: Progress = field(default_factory=Quiet)
    fingerprint: str = ""
    """What the step's result depends on, as one hash."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the step leaves for its manifest."""

    @property
    def folder(self) -> Path:
        return self.run / "steps" / self.name

    @property
    def model_folder(self) -> Path:
        return self.run / "models" / self.name

    def records(self, input_name: str, kind: type[R]) -> list[R]:
        """Every record of an input, its files one after another; empty when the input was not given."""
        files = [Path(file) for file in self.inputs.get(input_name, ())]
        return [record for file in files for record in read_records(file, kind)]

    def write(self, output: str, records: Iterable[BaseModel]) -> int:
        return write_records(self.folder / f"{output}.jsonl", records)

    def model(self, input_name: str) -> str:
        return str(self.inputs[input_name][0])

    def models(self, input_name: str) -> dict[str, str]:
        """Name in the recipe → folder or Hub id."""
        references = self.inputs.get(input_name, ())
        return dict(zip(self.model_names.get(input_name, ()), map(str, references), strict=True))

    def journal(self, cut_at: int | None = 0) -> Journal:
        """The step's diary: begun anew, or cut back to a checkpoint's offset."""
        return Journal(self.folder / "journal.jsonl", cut_at)

    def check_stop(self) -> None:
        """Raises Stopped once Ctrl-C or SIGTERM has come; called where the work so far is safe."""
        raise_if_stopped(self.name)


def raise_if_stopped(step: str) -> None:
    """`Workplace.check_stop` for work that knows no workplace."""
    if _signal_seen is not None:
        raise Stopped("stopped", _signal_seen, step=step)


def stop_wanted() -> bool:
    """Whether a signal asked this process to save and leave."""
    return _signal_seen is not None


@contextlib.contextmanager
def signals_noted() -> Iterator[None]:
    """Inside, the first Ctrl-C or SIGTERM is noted for `check_stop`; the second ends the process at once."""
    global _signal_seen
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        _signal_seen = None
        for number, handler in before.items():
            signal.signal(number, handler)


def _note(number: int, frame: FrameType | None) -> None:
    global _signal_seen
    if _signal_seen is not None:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    _signal_seen = number
