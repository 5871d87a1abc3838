"""The speed of making data: how near the client comes to what a service with a latency can answer.

    python benchmarks/synthesis.py [PART…] [--rounds N] [--out FILE]

A part is a script in `_ours/` that prints its figures as one line of JSON, and a row below. Every round of it
is a fresh process.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from conditions import load, machine, versions

HERE = Path(__file__).parent
PACKAGES = ("httpx", "pydantic", "rapidfuzz", "kiwipiepy")


class Part(NamedTuple):
    script: str
    figure: str
    """The key of its answer that the target is about."""
    least: float


PARTS = {
    "requests": Part("service_requests.py", "share_of_ideal", 0.9),
    "similarity": Part("similarity.py", "candidates_per_cpu_second", 300.0),
}


def main() -> None:
    options = read_options()
    before = machine()
    rounds = {
        name: [measure(name, number) for number in range(1, options.rounds + 1)] for name in options.parts
    }
    medians = {name: median(each[PARTS[name].figure] for each in found) for name, found in rounds.items()}
    result = {
        "name": "synthesis",
        "date": datetime.date.today().isoformat(),
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "versions": versions(Path(sys.executable), PACKAGES),
        },
        "medians": {name: {PARTS[name].figure: value} for name, value in medians.items()},
        "targets": {name: {PARTS[name].figure: PARTS[name].least} for name in medians},
        "missed": [name for name, value in medians.items() if value < PARTS[name].least],
        "rounds": rounds,
    }
    out = options.out or HERE / "results" / f"synthesis-{result['date']}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("medians", "targets", "missed")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/synthesis-<date>.json")
    options = parser.parse_args()
    options.parts = options.parts or list(PARTS)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def measure(name: str, number: int) -> dict[str, Any]:
    """What the part's script says on its last line of standard output."""
    command = [sys.executable, str(HERE / "_ours" / PARTS[name].script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    load_before = load()[0]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    found = {"round": number, "load_average": load_before, **json.loads(done.stdout.splitlines()[-1])}
    print(f"{name}: {found}", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
