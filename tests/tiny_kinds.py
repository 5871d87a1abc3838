"""Kinds of steps that only write records: recipes, pipeline and command line are tested in milliseconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pydantic import Field

from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Frozen, Message, Reply, Result
from dajeong.steps import Input, Kind
from dajeong.storage import write_json, write_records, write_text
from dajeong.workplace import Workplace

CALLS: list[str] = []
"""Names of the steps that ran, in order."""


class Deep(Frozen):
    rate: float = Field(gt=0)
    depth: int = 3


class MakeSettings(Frozen):
    num_rows: int = Field(20, ge=1, json_schema_extra={"scaled": True})
    word: str = "안녕"
    seed: int = 0


class LearnSettings(Frozen):
    template: str = "alpaca"
    epochs: float = Field(1.0, gt=0, json_schema_extra={"scaled": True})
    updates: int | None = Field(None, ge=2, json_schema_extra={"scaled": True})
    max_tokens: int = 64
    deep: Deep = Deep(rate=1e-3)
    maybe: Deep | None = None
    careful: bool = False


class MixSettings(Frozen):
    rewards: dict[str, float] = Field(min_length=1)


class FileSettings(Frozen):
    paths: tuple[Path, ...]
    one: Path | None = None
    marked: tuple[str, ...] = Field((), json_schema_extra={"path": True})


class CheckSettings(Frozen):
    note: str = ""


class SharedSettings(Frozen):
    parallel: str = "single"


class FailSettings(Frozen):
    how: str = "data"


def _dialogue(index: int, text: str) -> Dialogue:
    return Dialogue(id=f"t:{index}", messages=(Message(role="user", content=text),))


def make(settings: MakeSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    work.write(
        "rows", [_dialogue(i, f"{settings.word} {settings.seed} {i}") for i in range(settings.num_rows)]
    )
    work.write("extra", [])


def learn(settings: LearnSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    rows = work.records("data", Dialogue)
    with work.progress.bar("training", 4, step=work.name) as bar:
        for _ in range(4):
            bar.advance(note="loss 1.0")
    write_text(work.folder / "checkpoints" / "step-1", "half way")
    write_json(work.model_folder / "weights.json", {"rows": len(rows), "rate": settings.deep.rate})


def mix(settings: MixSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    write_json(
        work.model_folder / "weights.json", {"of": work.models("rewards"), "weights": settings.rewards}
    )


def read(settings: FileSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    texts = [path.read_text(encoding="utf-8") for path in settings.paths]
    work.write("records", [_dialogue(index, text) for index, text in enumerate(texts)])


def check(settings: CheckSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    models = work.models("models")
    rows = work.records("prompts", Dialogue)
    results = [
        Result(model=name, task="count", metric="rows", value=0.5, ci_low=0.4, ci_high=0.6, n=len(rows))
        for name in models
    ]
    write_records(work.folder / "results.jsonl", results)
    replies = [
        Reply(id=row.id, prompt_id=row.id, prompt=row.messages, content="응", author="x") for row in rows
    ]
    work.write("replies", replies)


def together(settings: SharedSettings, work: Workplace) -> None:
    """Every process adds 1; rank 0 writes the sum."""
    import torch

    CALLS.append(work.name)
    total = torch.ones(1)
    if settings.parallel != "single":
        torch.distributed.all_reduce(total)
    if int(os.environ.get("RANK", "0")) == 0:
        work.write("rows", [_dialogue(0, f"{int(total)} processes")])


def fail(settings: FailSettings, work: Workplace) -> None:
    CALLS.append(work.name)
    work.write("rows", [_dialogue(0, "kept")])
    if settings.how == "data":
        raise DataProblem("file-empty", path="some.jsonl")
    if settings.how == "bug":
        raise ZeroDivisionError("nothing to divide by")
    if settings.how == "disk":
        raise OSError(28, "No space left on device")
    if settings.how == "pipe":
        raise BrokenPipeError
    if settings.how == "stop":
        os.kill(os.getpid(), signal.SIGTERM)
        work.check_stop()
    if settings.how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


def forget(settings: CheckSettings, work: Workplace) -> None:
    CALLS.append(work.name)


KINDS: dict[str, Kind] = {
    "make": Kind(MakeSettings, {}, {"rows": "Dialogue", "extra": "Preference"}, "tiny_kinds:make"),
    "learn": Kind(
        LearnSettings,
        {"data": Input("Dialogue", many=True), "model": Input("Model", optional=True)},
        {},
        "tiny_kinds:learn",
        gives_model=True,
    ),
    "mix": Kind(
        MixSettings,
        {"rewards": Input("Model", many=True, mapping=True)},
        {},
        "tiny_kinds:mix",
        gives_model=True,
    ),
    "read": Kind(FileSettings, {}, {"records": "Any"}, "tiny_kinds:read"),
    "check": Kind(
        CheckSettings,
        {"models": Input("Model", many=True), "prompts": Input("Dialogue", many=True)},
        {"results": "Result", "replies": "Reply"},
        "tiny_kinds:check",
    ),
    "together": Kind(SharedSettings, {}, {"rows": "Dialogue"}, "tiny_kinds:together"),
    "fail": Kind(FailSettings, {}, {"rows": "Dialogue"}, "tiny_kinds:fail"),
    "forget": Kind(CheckSettings, {}, {"rows": "Dialogue"}, "tiny_kinds:forget"),
}

CHAIN = """\
name: chain
seed: 3
template: kullm
steps:
  world:
    use: make
    num_rows: 30
  sft: {use: learn, data: world/rows, updates: 40, deep: {rate: 1e-4}}
  ppo:
    use: learn
    model: sft
    data: [world]
  check: {use: check, models: [sft, ppo], prompts: world}
"""
