"""One step run by itself: its records in a file that the user names, the rest in a folder beside it.

Knows no step. `talk.jsonl` has its rejects, figures and diary in `talk.read/`, where the step is `read`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel

from dajeong.progress import Progress
from dajeong.storage import write_records
from dajeong.workplace import Workplace


class OneFile(Workplace):
    def __init__(
        self,
        out: Path,
        step: str,
        progress: Progress,
        inputs: Mapping[str, tuple[Path | str, ...]] | None = None,
        main: str = "records",
    ) -> None:
        """`main`: the output that goes to the file itself."""
        super().__init__(out.parent, step, inputs=inputs or {}, progress=progress)
        self.out = out
        self.main = main

    @property
    def folder(self) -> Path:
        return self.out.with_suffix(f".{self.name}")

    def write(self, output: str, records: Iterable[BaseModel]) -> int:
        return write_records(self.out if output == self.main else self.folder / f"{output}.jsonl", records)
