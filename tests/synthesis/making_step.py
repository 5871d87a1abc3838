"""One run of a making step in a folder of its own, and what it left there."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dajeong.catalog import load
from dajeong.data.rejects import Reject
from dajeong.progress import Quiet
from dajeong.records import Dialogue, Message
from dajeong.storage import read_json, read_records, write_records
from dajeong.workplace import Workplace
from scripted_server import Server


class Heard(Quiet):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def say(self, code: str, **parameters: object) -> None:
        self.codes.append(code)


class Made:
    """A step's folder after its run."""

    def __init__(
        self,
        step: Callable[[Any, Workplace], None],
        settings: BaseModel,
        run: Path,
        inputs: Mapping[str, Sequence[BaseModel]],
        seed: int = 3,
        **models: str,
    ) -> None:
        self.work = workplace(run, inputs, seed, models)
        step(settings, self.work)

    @property
    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.work.folder / "stats.json")
        return found

    def read(self, output: str, kind: type[Any]) -> list[Any]:
        return list(read_records(self.work.folder / f"{output}.jsonl", kind))

    @property
    def rejects(self) -> list[Reject]:
        return list(read_records(self.work.folder / "rejects.jsonl", Reject))


def workplace(
    run: Path,
    inputs: Mapping[str, Sequence[BaseModel]],
    seed: int = 3,
    models: Mapping[str, str] | None = None,
) -> Workplace:
    files: dict[str, tuple[Path | str, ...]] = {}
    for name, records in inputs.items():
        files[name] = (run / "given" / f"{name}.jsonl",)
        write_records(run / "given" / f"{name}.jsonl", records)
    names = {"models": tuple(models)} if models else {}
    if models:
        files["models"] = tuple(models.values())
    return Workplace(run, "made", seed=seed, inputs=files, model_names=names, progress=Heard())


def left_behind(run: Path) -> dict[str, bytes]:
    """Every file of the step whose bytes must not depend on how often it was killed. Half-written ones, whose
    names begin with a dot, are swept by the pipeline.
    """
    folder = run / "steps" / "made"
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.glob("*.json*"))
        if path.name != "journal.jsonl" and not path.name.startswith(".")
    }


def asked(text: str, number: int, kind: str = "general", **more: Any) -> Dialogue:
    return Dialogue(id=f"made:{number}", kind=kind, messages=(Message(role="user", content=text),), **more)


FORKED = multiprocessing.get_context("forkserver")
"""Processes are forked from one that has imported the steps and nothing else: each starts at once."""
FORKED.set_forkserver_preload(["dajeong.synthesis.translate", "dajeong.synthesis.respond", "pytest"])


def run_until(server: Server, function: str, settings: BaseModel, run: Path, point: int | None) -> None:
    """Runs the step in a process of its own; kills it, without a warning, when so many requests have come."""

    def count(number: int, body: dict[str, Any]) -> None:
        if point is not None and number >= point:
            process.kill()

    server.script.fault_of = count
    process = FORKED.Process(target=_run, args=(function, settings, run))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == (0 if point is None else -9)


def _run(function: str, settings: BaseModel, run: Path) -> None:
    files: dict[str, tuple[Path | str, ...]] = {
        path.stem: (path,) for path in sorted((run / "given").iterdir())
    }
    load(function)(settings, Workplace(run, "made", seed=3, inputs=files))
