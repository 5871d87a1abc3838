"""What the demo costs and what it shows, seed by seed: every promise of the README beside its figure.

    python benchmarks/demo.py [--seeds 0 1 2] [--ablation abusive 0] [--out FILE]
    python benchmarks/demo.py --table FILE      the Markdown tables of a result

Each run is a process of its own, in an empty folder. `--ablation KINDS SEED` adds a run whose preferences
speak of these kinds of prompts only: there the check on false refusals can be seen to fail.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from conditions import load, machine, versions
from demo_figures import checks, figures, tables

HERE = Path(__file__).parent


def main() -> None:
    options = read_options()
    if options.table:
        print(tables(json.loads(options.table.read_text(encoding="utf-8"))))
        return
    before, runs = machine(), []
    for seed in options.seeds:
        runs.append(measured(seed, None))
    for kinds, seed in options.ablation:
        runs.append(measured(int(seed), kinds))
    result = {
        "name": "demo",
        "date": datetime.date.today().isoformat(),
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "versions": versions(Path(sys.executable)),
        },
        "runs": runs,
    }
    out = options.out or HERE / "results" / f"demo-{result['date']}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(tables(result))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--ablation", nargs=2, action="append", default=[], metavar=("KINDS", "SEED"))
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/demo-<date>.json")
    parser.add_argument("--table", type=Path, help="print the tables of this result and measure nothing")
    return parser.parse_args()


def measured(seed: int, kinds: str | None) -> dict[str, Any]:
    """One run: its cost, its figures and whether each promise holds."""
    load_before = load()[0]
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        cost = timed(command(seed, kinds, run))
        results = json.loads((run / "results.json").read_text(encoding="utf-8"))
        steps = {
            manifest.parent.name: json.loads(manifest.read_text(encoding="utf-8"))["seconds"]
            for manifest in sorted(run.glob("steps/*/manifest.json"), key=lambda file: file.stat().st_mtime)
        }
    shown = figures(results)
    return {
        "seed": seed,
        "preference_kinds": kinds,
        "load_before": load_before,
        **cost,
        "step_seconds": steps,
        "figures": shown,
        "checks": checks(shown),
    }


def command(seed: int, kinds: str | None, run: Path) -> list[str]:
    settings = [f"seed={seed}"] + ([f"smalltalk.preference_kinds=[{kinds}]"] if kinds else [])
    options = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-m", "dajeong", "run", "demo", "--out", str(run), "--quiet", *options]


def timed(words: list[str]) -> dict[str, float]:
    """Wall and CPU seconds of a process and its children, and its peak memory."""
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    process.returncode = 0
    return {
        "wall_seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_gb": round(usage.ru_maxrss / 1e6, 2),
    }


if __name__ == "__main__":
    main()
