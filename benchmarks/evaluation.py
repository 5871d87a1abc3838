"""KoBEST's examples per CPU-second beside lm-eval 0.4.13, in interleaved rounds of fresh processes.

    python benchmarks/evaluation.py [--rounds 3] [--data DIR] [--out FILE] [--small] [--only geval]

Counted is the work after the model is loaded and warm. lm-eval runs with several batch sizes, the
best of them is compared. The run stops where the two sides' metrics are not equal. Beside it stands what
G-Eval's method `exact` reads for each criterion; `--only geval` measures that alone, a minute of work, and
adds it to the newest result.
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
from kobest_material import write_model, write_tables
from peer_environment import LM_EVAL_PINS, peer_python
from rounds import OURS, PEER, Row, interleaved

HERE = Path(__file__).parent
TARGET = 1.5
SHOTS = {"kobest_vs_lm_eval_0_shot": 0, "kobest_vs_lm_eval_5_shot": 5}
LIMITS = {0: 0, 5: 100}
"""Examples shown → rows of each task; 0 is all."""
BATCH_SIZES = (1, 16, 64)
PACKAGES = ("torch", "transformers", "lm_eval", "numpy", "tokenizers")


def main() -> None:
    options = read_options()
    if options.only == "geval":
        add_geval(options)
        return
    pythons = {OURS: Path(sys.executable), PEER: peer_python("lm-eval", LM_EVAL_PINS)}
    before = machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = options.data or folder / "kobest"
        if options.data is None:
            write_tables(folder, 0.05 if options.small else 1.0)
        write_model(folder / "model", data)
        for number, name, side in interleaved(options.rounds, list(SHOTS)):
            rows += measured(number, name, side, pythons[side], folder / "model", data)
            check(rows, name)
        judged = geval(folder / "model")
    result = {
        "name": "evaluation",
        "date": datetime.date.today().isoformat(),
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "threads": 1,
            "dtype": "float32",
            "rows": "given" if options.data else "invented, in the shape of KoBEST's tables",
            "versions": {side: versions(python, PACKAGES) for side, python in pythons.items()},
        },
        **summary(rows),
        "geval_exact": judged,
        "rounds": rows,
    }
    out = options.out or HERE / "results" / f"evaluation-{result['date']}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    shown = ("ratios", "ratios_by_round", "examples_per_cpu_second", "geval_exact", "missed")
    print(json.dumps({key: result[key] for key in shown}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def geval(model: Path) -> dict[str, Any]:
    """Rows read for each criterion, and criteria a CPU-second, with the day and the load beside them."""
    found = run(Path(sys.executable), HERE / "_ours" / "geval.py", [str(model), "40"])
    return {**found, "date": datetime.date.today().isoformat(), "load_average": load()}


def add_geval(options: argparse.Namespace) -> None:
    """The newest result with G-Eval's figures measured anew; its rounds stay as they are."""
    path = options.out or max((HERE / "results").glob("evaluation-*.json"))
    result = json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_tables(folder, 0.05 if options.small else 1.0)
        write_model(folder / "model", folder / "kobest")
        judged = geval(folder / "model")
    parts = list({**result, "geval_exact": judged}.items())
    ordered = dict([part for part in parts if part[0] != "rounds"] + [("rounds", result["rounds"])])
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(judged, indent=1))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="KoBEST's tables as published; default: invented ones")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/evaluation-<date>.json")
    parser.add_argument("--only", choices=["geval"], help="add what G-Eval reads to the newest result")
    parser.add_argument("--small", action="store_true", help="a tiny size, to try the benchmark itself")
    return parser.parse_args()


def measured(number: int, name: str, side: str, python: Path, model: Path, data: Path) -> list[Row]:
    """One cell of ours; one of the peer's for every batch size."""
    shots = SHOTS[name]
    arguments = [str(model), str(data), str(shots), str(LIMITS[shots])]
    sizes = BATCH_SIZES if side == PEER else (0,)
    found = []
    for size in sizes:
        script = HERE / ("_peers" if side == PEER else "_ours") / "kobest.py"
        answer = run(python, script, [*arguments, str(size)] if size else arguments)
        rate = answer["examples"] / answer["cpu_seconds"]
        print(f"{name} round {number} {side} batch {size or '–'}: {rate:.1f} per CPU-s", file=sys.stderr)
        cell = {"round": number, "name": name, "side": side, "batch_size": size, "rate": rate}
        found.append({**cell, **answer})
    return found


def run(python: Path, script: Path, arguments: list[str]) -> dict[str, Any]:
    """What a script says on its last line of standard output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environment |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [str(python), str(script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]  # only then: lm-eval fills it with bars
    return dict(json.loads(done.stdout.splitlines()[-1]))


def check(rows: list[Row], name: str) -> None:
    """Both sides asked the same examples and found the same."""
    found = [(row["examples"], row["metrics"]) for row in rows if row["name"] == name]
    assert all(each == found[0] for each in found), "the two sides do not agree on KoBEST's metrics"


def summary(rows: list[Row]) -> dict[str, Any]:
    """Ratios round by round against the peer's best batch size of that round."""
    by_round = {name: [round(ratio, 3) for ratio in ratios(rows, name)] for name in SHOTS}
    middle = {name: round(median(values), 3) for name, values in by_round.items()}
    return {
        "ratios": middle,
        "ratios_by_round": by_round,
        "targets": dict.fromkeys(SHOTS, TARGET),
        "missed": [name for name, ratio in middle.items() if ratio < TARGET],
        "examples_per_cpu_second": {
            name: {side: round(median(best(rows, name, side)), 1) for side in (OURS, PEER)} for name in SHOTS
        },
    }


def ratios(rows: list[Row], name: str) -> list[float]:
    return [ours / peer for ours, peer in zip(best(rows, name, OURS), best(rows, name, PEER), strict=True)]


def best(rows: list[Row], name: str, side: str) -> list[float]:
    """The highest rate of every round."""
    chosen = [row for row in rows if (row["name"], row["side"]) == (name, side)]
    numbers = sorted({row["round"] for row in chosen})
    return [max(row["rate"] for row in chosen if row["round"] == number) for number in numbers]


if __name__ == "__main__":
    main()
