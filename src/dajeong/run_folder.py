"""The run folder on disk: what a finished step left behind, and whether it is still what it was.

    run/steps/<name>/started.json    written when the step begins: its fingerprint and the parts of it
    run/steps/<name>/manifest.json   written last: the same, and outputs with their hashes, seconds, versions
    run/models/<name>/               the model of a step that gives one

Knows files and hashes; decides nothing about running. Every path it writes is relative to the run folder,
which may therefore be moved.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dajeong.errors import DajeongError
from dajeong.storage import digest_file, read_json, write_json

NOT_OUTPUTS = ("manifest.json", "started.json", "journal.jsonl")
"""The diary holds times, so it is no part of what a step gives; nor are `checkpoints/`."""

OF_THE_RUN = ("recipe.yaml", "results.json", "report.html", "error.txt", "lock.json")


class StepFolder:
    """One step's place in a run."""

    def __init__(self, run: Path, name: str) -> None:
        self.run = run
        self.path = run / "steps" / name
        self.model = run / "models" / name

    def manifest(self) -> dict[str, Any]:
        """What the finished step wrote; empty when it did not finish."""
        return _read(self.path / "manifest.json")

    def started(self) -> dict[str, Any]:
        """What the step was begun with; empty when it never was."""
        return _read(self.path / "started.json")

    def write_started(self, note: Mapping[str, Any]) -> None:
        write_json(self.path / "started.json", dict(note))

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        write_json(self.path / "manifest.json", dict(manifest))

    def clear(self) -> None:
        """Forget the step. The notes go first, so that a half-cleared folder is never taken for more."""
        for note in ("manifest.json", "started.json"):
            (self.path / note).unlink(missing_ok=True)
        for folder in (self.path, self.model):
            if folder.exists():
                shutil.rmtree(folder)

    def half_done(self) -> str:
        """The newest checkpoint's name where the step stopped midway; empty elsewhere."""
        found = (self.path / "checkpoints").glob("update-*")
        newest = max((path.name for path in found if path.suffix != ".tmp"), default="")
        return newest if self.started() and not self.manifest() else ""

    def drop_checkpoints(self) -> None:
        """The step is done and its model saved; nobody will go on from midway."""
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)

    def outputs(self) -> dict[str, dict[str, Any]]:
        """Path below the run → bytes and sha256 of every file the step gives."""
        return {
            file.relative_to(self.run).as_posix(): {"bytes": file.stat().st_size, "sha256": digest_file(file)}
            for file in self._files()
        }

    def _files(self) -> Iterator[Path]:
        for folder in (self.path, self.model):
            for file in sorted(folder.rglob("*")):
                inside = file.relative_to(folder).parts
                ours = folder == self.path and (inside[0] == "checkpoints" or inside[0] in NOT_OUTPUTS)
                if file.is_file() and not ours and not file.name.startswith("."):
                    yield file

    def sweep(self) -> None:
        """Remove what interrupted atomic writes left beside their places."""
        shutil.rmtree(self.model.with_name(f"{self.model.name}.tmp"), ignore_errors=True)
        for folder in (self.path, self.model):
            for unfinished in list(folder.rglob("*.tmp")):
                shutil.rmtree(unfinished, ignore_errors=True)
            for file in list(folder.rglob(".*")):
                if file.is_file():
                    file.unlink()

    def damaged(self) -> str | None:
        """The first output that is missing or not what the manifest says."""
        for name, expected in self.manifest().get("outputs", {}).items():
            file = self.run / name
            if not file.is_file() or file.stat().st_size != expected["bytes"]:
                return str(name)
            if digest_file(file) != expected["sha256"]:
                return str(name)
        return None


def sweep_run(run: Path) -> None:
    """Remove what interrupted atomic writes left in the run folder itself; no other hidden file."""
    for name in OF_THE_RUN:
        for file in list(run.glob(f".{name}.*")):
            file.unlink()


def _read(path: Path) -> dict[str, Any]:
    """A note of ours; one that cannot be read counts as not written, and the step runs again."""
    if not path.is_file():
        return {}
    try:
        value = read_json(path)
    except (DajeongError, OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
