"""All that needs a CUDA device, in one command: equivalence tests, the demo, speeds beside their floors.

    python benchmarks/gpu.py [--device cuda] [--small] [--only tests demo sft decode] [--out FILE]

Floors are measured here, not looked up: products of the model's own shapes for SFT, a copy for decoding.
`--device cpu --small` tries the command itself; its figures mean nothing. The result goes to
benchmarks/results/gpu-<date>.json with the device in it.
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

import torch

from conditions import load, machine, versions
from gpu_floors import Shape, copy_rate, decode_floor, matmul_rate, sft_floor
from gpu_speeds import decode_speed, peak_gib, sft_speed, write_model

HERE = Path(__file__).parent
TESTS = (
    "tests/models/test_packing.py",
    "tests/models/test_attention.py",
    "tests/training/test_equivalence.py",
    "tests/rollout/test_native.py",
)
DEVICE_VARIABLE = "DAJEONG_TEST_DEVICE"
"""Tests that know it move their tiny models there; the others show that the installation is whole."""
SHAPES = {
    "small": Shape(layers=2, hidden=64, heads=4, vocabulary=512, positions=512),
    "1.3b": Shape(layers=24, hidden=2048, heads=16, vocabulary=30080, positions=2048),
    "12.8b": Shape(layers=40, hidden=5120, heads=40, vocabulary=30080, positions=2048),
}
MICRO_BATCHES = {"small": 256, "1.3b": 16384, "12.8b": 8192}
"""Tokens of one forward: what fits beside the weights on 80 GB without recomputing anything."""
BATCHES = {"small": (1, 2), "1.3b": (1, 64), "12.8b": (1, 16, 64)}


def main() -> None:
    options = read_options()
    device = torch.device(options.device)
    names = ["small"] if options.small else options.shapes
    date = datetime.date.today().isoformat()
    result: dict[str, Any] = {"name": "gpu", "date": date, "conditions": conditions(device)}
    if "tests" in options.only:
        result["tests"] = tests(device, options.small)
    if "demo" in options.only:
        result["demo"] = demo(device, options.small)
    for part, measured in (("sft", measured_sft), ("decode", measured_decode)):
        if part in options.only:
            result[part] = {name: measured(name, device) for name in names}
    out = options.out or HERE / "results" / f"gpu-{date}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=["1.3b", "12.8b"])
    parts = ["tests", "demo", "sft", "decode"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def conditions(device: torch.device) -> dict[str, Any]:
    found: dict[str, Any] = {"device": str(device), "machine": machine(), "load_average": load()}
    found["versions"] = versions(Path(sys.executable))
    if device.type == "cuda":
        shown = torch.cuda.get_device_properties(device)
        found |= {
            "gpu": shown.name,
            "gpu_gib": round(shown.total_memory / 2**30, 1),
            "cuda": torch.version.cuda,
        }
    return found


def tests(device: torch.device, small: bool) -> dict[str, Any]:
    """The equivalence suites, as many as there are here."""
    there = [name for name in TESTS if (HERE.parent / name).is_file()][: 2 if small else None]
    environment = {**os.environ, DEVICE_VARIABLE: str(device)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *there]
    done = subprocess.run(
        command, cwd=HERE.parent, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    return {"files": there, "exit_code": done.returncode, "said": done.stdout.splitlines()[-1:]}


def demo(device: torch.device, small: bool) -> dict[str, Any]:
    """The whole chain on the device; its figures are compared with the promises elsewhere."""
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        settings = ["scale=0.02"] if small else []
        steps = ("base", "sft", "replies", "reward", "ppo", "reward-report", "evaluate")
        settings += [f"{step}.runtime.device={device}" for step in steps if takes_runtime(step)]
        options = [word for setting in settings for word in ("--set", setting)]
        began = time.monotonic()
        command = [sys.executable, "-m", "dajeong", "run", "demo", "--out", str(run), "--quiet", *options]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        results = run / "results.json"
        found = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else []
    return {
        "exit_code": done.returncode,
        "seconds": round(time.monotonic() - began, 1),
        "settings": settings,
        "results": [
            {key: row[key] for key in ("model", "task", "metric", "value", "n")}
            for row in found
            if row["task"] in ("smalltalk", "reward/fact")
        ],
    }


def takes_runtime(use: str) -> bool:
    from dajeong.steps import KINDS

    return "runtime" in KINDS[use].settings.model_fields


def measured_sft(name: str, device: torch.device) -> dict[str, Any]:
    """Real tokens per second of LoRA SFT, beside the products alone at the rate measured here."""
    shape, tokens = SHAPES[name], MICRO_BATCHES[name]
    rate = matmul_rate(shape, tokens, device)
    with tempfile.TemporaryDirectory() as place:
        write_model(Path(place), shape, device)
        speed = sft_speed(Path(place), shape, tokens, device)
    floor = sft_floor(shape, rate)
    return {
        **speed,
        "matmul_tflops": round(rate / 1e12, 3),
        "floor_tokens_per_second": round(floor, 1),
        "share_of_floor": round(speed["tokens_per_second"] / floor, 4),
        "peak_gib": peak_gib(device),
    }


def measured_decode(name: str, device: torch.device) -> list[dict[str, Any]]:
    """Milliseconds of a decoding step, beside reading weights, keys and values once at the copy's rate."""
    shape, rate = SHAPES[name], copy_rate(device)
    with tempfile.TemporaryDirectory() as place:
        write_model(Path(place), shape, device)
        steps = decode_speed(Path(place), shape, BATCHES[name], device)
    found = []
    for batch, step in steps.items():
        floor = decode_floor(shape, batch, step["middle_column"], rate, 2 if device.type == "cuda" else 4)
        shown = {"batch": batch, **step, "floor_ms": round(1e3 * floor, 4)}
        shown["share_of_floor"] = round(1e3 * floor / step["step_ms"], 4)
        found.append(shown | {"copy_gb_per_second": round(rate / 1e9, 1), "peak_gib": peak_gib(device)})
    return found


if __name__ == "__main__":
    main()
