"""Reading and cleaning at full size: seconds and memory; and the same work by datasketch and rouge_score.

    python benchmarks/data.py [--rows 152630] [--tenfold] [--out FILE] [--small]

Every measurement is a fresh process. Of the whole chain wall-clock seconds count, peers' work is compared by
CPU-seconds without imports.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from conditions import load, machine, versions
from peer_environment import TEXT_PINS, peer_python
from rounds import OURS, PEER, SIDES, Row, interleaved
from text_material import rows_of, write

HERE = Path(__file__).parent
ROWS = 152_630
TARGETS = {"seconds": 90.0, "megabytes": 1500.0, "tenfold_time": 11.0, "tenfold_memory": 2.5}
LEAST = 0.8
NUM_TEXTS, NUM_QUESTIONS = 5_000, 400
PACKAGES = ("rensa", "rapidfuzz", "datasketch", "rouge-score", "numpy", "pydantic")


def main() -> None:
    options = read_options()
    rows = 2_000 if options.small else options.rows
    pythons = {OURS: Path(sys.executable), PEER: peer_python("text", TEXT_PINS)}
    before = machine()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        sizes = [rows, 10 * rows] if options.tenfold else [rows]
        chain = [measure_chain(folder, size) for size in sizes]
        comparisons = compare(folder, pythons, options.rounds, options.small)
    result = {
        "name": "data",
        "date": datetime.date.today().isoformat(),
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "versions": {side: versions(python, PACKAGES) for side, python in pythons.items()},
        },
        "chain": chain,
        "targets": TARGETS,
        "missed": missed(chain),
        "comparisons": summary(comparisons),
        "rounds": comparisons,
    }
    out = options.out or HERE / "results" / f"data-{result['date']}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("chain", "missed", "comparisons")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument(
        "--tenfold", action="store_true", help="also ten times as many rows: some 15 GB of disk"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of the comparisons")
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's temporary folder")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/data-<date>.json")
    parser.add_argument("--small", action="store_true", help="a tiny size, to try the benchmark itself")
    return parser.parse_args()


def measure_chain(folder: Path, rows: int) -> dict[str, Any]:
    corpus = folder / f"rows-{rows}.jsonl"
    planted = write(corpus, rows)
    print(f"{planted}; cleaning …", file=sys.stderr)
    found = run(Path(sys.executable), "_ours/clean.py", corpus, folder / f"run-{rows}")
    print(f"{rows} rows: {found}", file=sys.stderr)
    return {"planted": planted._asdict(), "load_average": load()[0], **found}


def run(python: Path, script: str, *arguments: Path) -> dict[str, Any]:
    """What a script says on its last line of standard output."""
    command = [str(python), str(HERE / script), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(folder: Path, pythons: dict[str, Path], rounds: int, small: bool) -> list[Row]:
    """Both sides on the same texts, side by side."""
    texts, questions = (300, 60) if small else (NUM_TEXTS, NUM_QUESTIONS)
    corpus = folder / "texts.jsonl"
    write(corpus, texts, seed=1)
    rows = rows_of(corpus, texts)
    given = {
        "least": LEAST,
        "texts": ["\n".join(row.values()) for row in rows],
        "questions": [row["instruction"] for row in rows[:questions]],
    }
    path = folder / "texts.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    found: list[Row] = []
    for number, task, side in interleaved(rounds, ["near_duplicates", "paraphrases"]):
        script = f"{'_ours' if side == OURS else '_peers'}/{task}.py"
        answer = run(pythons[side], script, path)
        dropped = answer.pop("dropped")
        times = {key: round(answer[key], 4) for key in ("cpu_seconds", "wall_seconds")}
        found.append(
            {"round": number, "name": task, "side": side, **answer, **times, "dropped": len(dropped)}
        )
        print(found[-1], file=sys.stderr)
    return found


def summary(rows: list[Row]) -> dict[str, Any]:
    """Medians of CPU-seconds and what each side dropped."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    return {name: {side: _side(rows, name, side) for side in SIDES} for name in names}


def _side(rows: list[Row], name: str, side: str) -> dict[str, float]:
    chosen = [row for row in rows if row["name"] == name and row["side"] == side]
    return {"cpu_seconds": median(row["cpu_seconds"] for row in chosen), "dropped": chosen[0]["dropped"]}


def missed(chain: list[dict[str, Any]]) -> list[str]:
    """Which targets the measurements miss; the tenfold ones only where they were measured."""
    one = chain[0]
    found = {"seconds": one["wall_seconds"], "megabytes": one["peak_megabytes"]}
    if len(chain) > 1:
        found["tenfold_time"] = chain[1]["wall_seconds"] / one["wall_seconds"]
        found["tenfold_memory"] = chain[1]["peak_megabytes"] / one["peak_megabytes"]
    return [name for name, value in found.items() if value > TARGETS[name]]


if __name__ == "__main__":
    main()
