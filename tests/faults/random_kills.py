"""Kills at random places of every algorithm, and what became of each run that went on.

    PYTHONPATH=tests:tests/chain python tests/faults/random_kills.py --kills 30 --seed 1

A run of every step that learns is left undisturbed, its calls counted. Then, kill by kill: one step begun
anew in a copy, killed before a call that the seed draws (a third of them twice), and gone on with. Its
models, records, results, journals and manifest must be those of the undisturbed run, times apart.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import small_parts
from small_run import Nursery, journals, names, nursery_in, outcome

from dajeong.steps import KINDS, Input, Kind
from dajeong.storage import read_json, write_json, write_records

SMALL: dict[str, Any] = {
    "updates": 4,
    "checkpoint_every": 1,
    "tokens_per_update": 200,
    "tokens_per_micro_batch": 120,
    "max_tokens": 96,
    "prompts_per_update": 3,
    "epochs": 2,
    "decoding": {"max_new_tokens": 8},
    "normalise_rows": 5,
    "template": small_parts.TEMPLATE.name,
}
"""Settings by their name, for every kind that has them."""
OF_A_KIND: dict[str, dict[str, Any]] = {
    "base": {"model": "tiny", "tiny": small_parts.SHAPE.model_dump(mode="json")},
    "sft": {"lora": {"rank": 2, "dropout": 0.2}},
    "ppo": {"updates": 3},
}
RECORDS = {"Dialogue": "dialogues.jsonl", "Preference": "preferences.jsonl", "Reply": "replies.jsonl"}


class Fate(NamedTuple):
    """One run that was killed."""

    step: str
    killed: tuple[str, ...]
    """The phase and the place of every kill."""
    went_on: str
    """From where the last run went on."""
    differs: tuple[str, ...]
    """What is not as it would have been; empty is good."""

    def __str__(self) -> str:
        return f"{self.step:10} {' then '.join(self.killed):58} {self.went_on:16} " + (
            f"DIFFERS: {', '.join(self.differs)}" if self.differs else "equal"
        )


class Span(NamedTuple):
    first: int
    last: int
    phase: str


# --- the undisturbed run


def learning_steps() -> dict[str, dict[str, Any]]:
    """A step of every kind that learns, and one that trains every weight."""
    learning = {name: kind for name, kind in KINDS.items() if kind.algorithm or name == "base"}
    steps = {name: _step(name, kind) for name, kind in learning.items()}
    return {**steps, "whole-sft": {**steps["sft"], "lora": None}}


def _step(name: str, kind: Kind) -> dict[str, Any]:
    wanted = {field: each for field, each in kind.inputs.items() if each.mapping or not each.optional}
    inputs = {field: _given(name, field, each) for field, each in wanted.items()}
    if name == "base":
        inputs["text"] = RECORDS["Dialogue"]
    known = kind.settings.model_fields
    fitting = {field: value for field, value in SMALL.items() if field in known}
    return {"use": name, **inputs, **fitting, **OF_A_KIND.get(name, {})}


def _given(name: str, field: str, wanted: Input) -> Any:
    if wanted.mapping:
        return {"reward": 1.0}
    if wanted.record == "Model":
        return "./base" if name == "sft" else "sft"
    if field == "prompts":
        return "prompts.jsonl"
    return next(file for record, file in RECORDS.items() if record in wanted.record.split("|"))


def write_world(folder: Path) -> Path:
    """A base, records of every kind, and a recipe of all steps that learn."""
    small_parts.write_base(folder / "base")
    written = {
        "dialogues.jsonl": small_parts.DIALOGUES,
        "preferences.jsonl": small_parts.PREFERENCES,
        "prompts.jsonl": small_parts.PROMPTS,
        "replies.jsonl": [
            reply.model_copy(update={"desirable": number % 2 == 0})
            for number, reply in enumerate(small_parts.replies())
        ],
    }
    for name, records in written.items():
        write_records(folder / name, records)
    write_json(folder / "recipe.yaml", {"name": "faults", "seed": 5, "threads": 1, "steps": learning_steps()})
    return folder / "recipe.yaml"


class World:
    """The undisturbed run, and where in it one may be killed."""

    def __init__(self, folder: Path, nursery: Nursery, only: Sequence[str] = ()) -> None:
        """`only`: these steps, each after those it reads from."""
        self.folder, self.nursery = folder, nursery
        self.recipe, self.whole = write_world(folder), folder / "whole"
        counted = folder / "calls.jsonl"
        for step in only or learning_steps():  # each in a process of its own, as it will be when it is killed
            done = nursery.run(self.arguments(self.whole, step), calls={"report": str(counted)})
            assert done.code == 0, done.err
        lines = map(json.loads, counted.read_text(encoding="utf-8").splitlines())
        self.spans = {line["step"]: [Span(*span) for span in line["spans"]] for line in lines}

    def arguments(self, run: Path, until: str) -> list[str]:
        return ["run", str(self.recipe), "--out", str(run), "--lang", "en", "--until", until]


# --- kills


def fates(world: World, num_kills: int, seed: int) -> Iterator[Fate]:
    """Steps in turn, so that every algorithm has its share; places drawn by the seed, phases evenly."""
    steps = list(world.spans)
    random.Random(seed).shuffle(steps)
    for number in range(num_kills):
        draw = random.Random(f"{seed} {number}")
        yield _killed(world, steps[number % len(steps)], draw, world.folder / f"killed-{number}")


def _killed(world: World, step: str, draw: random.Random, run: Path) -> Fate:
    shutil.copytree(world.whole, run)
    for folder in (run / "steps" / step, run / "models" / step):
        shutil.rmtree(folder, ignore_errors=True)
    killed = []
    for _ in range(draw.choice((1, 1, 2))):
        span = _drawn(world.spans[step], draw)
        place = draw.randint(span.first, span.last)
        done = world.nursery.run(world.arguments(run, step), calls={"step": step, "kill_at": place})
        if done.code == -signal.SIGKILL:
            killed.append(f"{span.phase} {place:,} of {world.spans[step][-1].last:,}")
        else:  # what had been done before left fewer calls than that
            assert killed and done.code == 0, done.err
    done = world.nursery.run(world.arguments(run, step))
    assert done.code == 0, done.err
    found = re.search(r"goes on after update \d+", done.err)
    already = f"{step}: done already" in done.err
    went_on = "was done" if already else found[0].removeprefix("goes on ") if found else "from its start"
    fate = Fate(step, tuple(killed), went_on, tuple(differences(run, world.whole)))
    if not fate.differs:
        shutil.rmtree(run)
    return fate


def _drawn(spans: Sequence[Span], draw: random.Random) -> Span:
    phase = draw.choice(sorted({span.phase for span in spans}))
    there = [span for span in spans if span.phase == phase and span.last >= span.first]
    return draw.choices(there, weights=[span.last - span.first + 1 for span in there])[0]


def differences(run: Path, whole: Path) -> Iterator[str]:
    """Names of files, models, records, results, diaries, and what manifests say of them."""
    yield from sorted(names(run) ^ names(whole))
    ours, theirs = outcome(run), outcome(whole)
    yield from (name for name in theirs if ours.get(name) != theirs[name])
    diaries, undisturbed = journals(run), journals(whole)
    yield from (f"{step}/journal.jsonl" for step in undisturbed if diaries.get(step) != undisturbed[step])
    for manifest in sorted(whole.glob("steps/*/manifest.json")):
        mine = run / manifest.relative_to(whole)
        if not mine.is_file() or _lasting(mine) != _lasting(manifest):
            yield manifest.relative_to(whole).as_posix()


def _lasting(manifest: Path) -> dict[str, Any]:
    return {key: value for key, value in read_json(manifest).items() if key != "seconds"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Kill runs at random places and see whether they end the same."
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, nursery_in(Path(place)) as nursery:
        world = World(Path(place), nursery)
        bad = 0
        for number, fate in enumerate(fates(world, options.kills, options.seed), start=1):
            print(f"{number:3}  {fate}", flush=True)
            bad += bool(fate.differs)
    good = options.kills - bad
    print(f"{good} of {options.kills} runs ended as if nothing had happened (seed {options.seed})")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
