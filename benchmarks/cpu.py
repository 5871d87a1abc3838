"""Our CPU speed beside transformers', peft's and accelerate's, in interleaved rounds of fresh processes.

    python benchmarks/cpu.py [--rounds 3] [--only sft|generate] [--out FILE] [--small]

Measured are CPU-seconds of the work alone: after the warm-up, without imports, loading and preparation.
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
from peer_environment import peer_python
from rounds import OURS, PEER, Row, interleaved, largest_gap, summary
from settings import FULL, SMALL, Settings

HERE = Path(__file__).parent
SFT = "sft_vs_hf_trainer_grouped"
TARGETS = {
    SFT: 1.2,
    "generate_vs_hf_b1": 1.5,
    "generate_vs_hf_b16": 1.3,
    "generate_vs_hf_b64": 1.2,
}
SCRIPTS = {
    ("sft", OURS): HERE / "_ours" / "sft.py",
    ("sft", PEER): HERE / "_peers" / "sft_trainer.py",
    ("generate", OURS): HERE / "_ours" / "generate.py",
    ("generate", PEER): HERE / "_peers" / "generate.py",
}


def main() -> None:
    options = read_options()
    settings = SMALL if options.small else FULL
    pythons = {OURS: Path(sys.executable), PEER: peer_python()}
    tasks = [options.only] if options.only else ["sft", "generate"]
    before = machine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, settings, pythons[PEER])
        bench = Bench(folder, settings, pythons)
        for number, task, side in interleaved(options.rounds, tasks):
            bench.measure(number, task, side)
    result = {
        "name": "cpu",
        "date": datetime.date.today().isoformat(),
        "conditions": {
            "machine": before,
            "load_average_at_end": load(),
            "threads": settings.threads,
            "dtype": "float32",
            "versions": {side: versions(python) for side, python in pythons.items()},
        },
        "settings": asdict(settings),
        **summary(bench.rows, TARGETS),
        "agreement": bench.agreement,
        "rounds": bench.rows,
    }
    out = options.out or HERE / "results" / f"cpu-{result['date']}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("ratios", "ratios_by_round", "missed")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["sft", "generate"])
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/cpu-<date>.json")
    parser.add_argument("--small", action="store_true", help="a tiny size, to try the benchmark itself")
    return parser.parse_args()


def prepare(folder: Path, settings: Settings, peer: Path) -> None:
    """Weights, adapter, examples and prompts, and which examples make up which update."""
    text = json.dumps(asdict(settings))
    (folder / "settings.json").write_text(text, encoding="utf-8")
    write_material(folder, settings)
    groups = run(peer, HERE / "_peers" / "grouping.py", folder)
    (folder / "groups.json").write_text(json.dumps(groups), encoding="utf-8")


def run(python: Path, script: Path, folder: Path) -> Any:
    """What a script says on its last line of standard output."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "PYTHONWARNINGS": "ignore",
    }
    command = [str(python), str(script), str(folder)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout.splitlines()[-1])


class Bench:
    """The cells measured so far; refuses to go on where the two sides did not do the same work."""

    def __init__(self, folder: Path, settings: Settings, pythons: dict[str, Path]) -> None:
        self.folder, self.pythons = folder, pythons
        self.rows: list[Row] = []
        self.agreement: dict[str, Any] = {}
        self._answers: dict[tuple[str, str], Any] = {}
        examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
        groups = json.loads((folder / "groups.json").read_text(encoding="utf-8"))
        timed = groups[settings.sft.warm_up :]
        lengths = [[len(examples[index]["ids"]) for index in group] for group in timed]
        self.useful_tokens = sum(map(sum, lengths))
        self.padded_tokens = sum(len(group) * max(group) for group in lengths)

    def measure(self, number: int, task: str, side: str) -> None:
        common = {"round": number, "side": side, "load_before": load()[0]}
        answer = run(self.pythons[side], SCRIPTS[task, side], self.folder)
        self._answers[task, side] = answer
        if side == PEER:
            self._compare(task, self._answers[task, OURS], answer)
        if task == "sft":
            self._add({**common, "name": SFT, "useful_tokens": self.useful_tokens}, answer)
            return
        for size, found in answer.items():
            tokens = sum(len(ids) for call in found["tokens"] for ids in call)
            self._add({**common, "name": f"generate_vs_hf_b{size}", "useful_tokens": tokens}, found)

    def _add(self, row: Row, found: dict[str, Any]) -> None:
        row |= {key: round(found[key], 4) for key in ("cpu_seconds", "wall_seconds")}
        self.rows.append(row)
        said = f"{row['name']} round {row['round']} {row['side']}: {row['cpu_seconds']:.2f} CPU-s"
        print(f"{said}, {row['useful_tokens'] / row['cpu_seconds']:.0f} tokens per CPU-s", file=sys.stderr)

    def _compare(self, task: str, ours: Any, peer: Any) -> None:
        if task == "generate":
            same = [found["tokens"] == peer[size]["tokens"] for size, found in ours.items()]
            assert all(same), "the two sides wrote different tokens"
            self.agreement["generate_tokens_equal"] = True
            return
        first = largest_gap(ours["losses"][:1], peer["losses"][:1])
        assert first < 1e-5, f"the first losses differ by {first:.1e}: this is not the same work"
        self.agreement |= {
            "sft_first_loss": {OURS: ours["losses"][0], PEER: peer["losses"][0]},
            "sft_largest_relative_loss_gap": largest_gap(ours["losses"], peer["losses"]),
            "sft_peer_padding_share": round(1 - self.useful_tokens / self.padded_tokens, 4),
        }


if __name__ == "__main__":
    main()
