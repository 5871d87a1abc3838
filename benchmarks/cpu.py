"""Our CPU speed beside transformers', PEFT's and TRL's, in interleaved rounds.

    python benchmarks/cpu.py [--only sft|reward|ppo|generate|useful|loss] [--shape tiny|mid|small]
                             [--rounds 5] [--out FILE]

Measured are CPU-seconds of the work alone: without imports, loading, preparation and a short warm-up, in
which it is also checked that both sides do the same work. A part that is measured again replaces its former
rounds in the result; the other parts stay.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conditions import load, machine, versions
from material import write_material
from parts import ENVIRONMENTS, PARTS, TARGETS, Part
from peer_environment import peer_python
from rounds import OURS, Row, alternating, summary
from settings import SHAPES, Settings
from turns import ENVIRONMENT, Side

HERE = Path(__file__).parent
PACKAGES = ("torch", "transformers", "peft", "accelerate", "trl", "numpy")


def main() -> None:
    options = read_options()
    date = datetime.date.today().isoformat()
    out = options.out or HERE / "results" / f"cpu-{date}.json"
    for name in [options.only] if options.only else list(PARTS):
        key = name if options.shape == "tiny" else f"{name}-{options.shape}"
        measured = measure(PARTS[name], SHAPES[options.shape], options.shape, options.rounds)
        parts = json.loads(out.read_text(encoding="utf-8"))["parts"] if out.is_file() else {}
        result = whole(date, parts | {key: measured})
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        found = summary(measured["rounds"], TARGETS)
        print(json.dumps({each: found[each] for each in ("ratios", "ratios_by_round", "missed")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/cpu-<date>.json")
    return parser.parse_args()


def whole(date: str, parts: dict[str, Any]) -> dict[str, Any]:
    """The file: what follows from all rounds, then every part with its conditions and raw rounds."""
    rows = [row for part in parts.values() for row in part["rounds"]]
    return {"name": "cpu", "date": date, **summary(rows, TARGETS), "parts": parts}


def measure(part: Part, settings: Settings, shape: str, rounds: int) -> dict[str, Any]:
    """All rounds of one part."""
    pythons = {side: python_of(where) for side, (where, *_) in part.sides.items()}
    before = machine()
    suffix = "" if shape == "tiny" else f"_{shape}"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, settings, part)
        running = {
            side: Side(pythons[side], HERE / script, str(folder), *arguments)
            for side, (_, script, *arguments) in part.sides.items()
        }
        agreement = part.agree({side: process.ask() for side, process in running.items()})
        answers: dict[str, Any] = {}
        loads: dict[str, float] = {}
        for number, side in alternating(rounds, list(part.sides)):
            before_it = load()[0]
            answers[side] = running[side].ask()
            said = f"{part.name}{suffix} round {number} {side}: {seconds_of(answers[side])} CPU-s"
            print(f"{said}, load {before_it}", file=sys.stderr)
            loads[side] = before_it
            if len(answers) == len(part.sides):
                agreement |= part.compare(answers)
                found = part.rows(answers, loads, folder)
                rows += [row | {"round": number, "name": row["name"] + suffix} for row in found]
                answers = {}
        for process in running.values():
            process.close()
    return {
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "threads": settings.threads,
            "dtype": "float32",
            "versions": {side: versions(python, PACKAGES) for side, python in pythons.items()},
        },
        "settings": {name: asdict(settings)[name] for name in ("model", "lora", part.settings)},
        "agreement": agreement,
        "rounds": rows,
    }


def seconds_of(answer: Any) -> str:
    if "curve" in answer:
        return f"{answer['curve'][-1][0]:.2f}"
    parts = [answer] if "cpu_seconds" in answer else list(answer.values())
    return f"{sum(each['cpu_seconds'] for each in parts):.2f}"


def python_of(environment: str) -> Path:
    return (
        Path(sys.executable) if environment == OURS else peer_python(environment, ENVIRONMENTS[environment])
    )


def prepare(folder: Path, settings: Settings, part: Part) -> None:
    """Weights, adapter and examples; which examples make up which update; a base that has learned."""
    (folder / "settings.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
    write_material(folder, settings)
    if part.settings == "sft":
        groups = run(python_of("transformers"), HERE / "_peers" / "grouping.py", folder)
        (folder / "groups.json").write_text(json.dumps(groups), encoding="utf-8")
    if part.settings == "loss":
        run(Path(sys.executable), HERE / "_ours" / "small_talk.py", folder)


def run(python: Path, script: Path, folder: Path) -> Any:
    """What a script says on its last line of standard output."""
    command = [str(python), str(script), str(folder)]
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
