"""KoBEST by lm-eval, its own tasks on the same tables.

argv: model folder, data folder, examples before each question, rows of each task (0: all), batch size.
Prints one JSON object. Samples are not logged, no deviation is bootstrapped: that spares lm-eval some work.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "golden" / "kobest"))

import torch
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval_0_4_13 import TABLES, task

METRICS = {"acc": "accuracy", "acc_norm": "acc_norm", "f1": "macro_f1"}


def main() -> None:
    model, data, shots, limit, batch_size = sys.argv[1:]
    torch.set_num_threads(1)
    judge = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=int(batch_size))
    tasks = {name: task(name, Path(data), int(shots)) for name in TABLES}
    evaluate(judge, {"tasks": tasks}, limit=16, bootstrap_iters=0, log_samples=False)  # the warm-up
    tasks = {name: task(name, Path(data), int(shots)) for name in TABLES}
    cpu, wall = time.process_time(), time.perf_counter()
    found = evaluate(judge, {"tasks": tasks}, limit=int(limit) or None, bootstrap_iters=0, log_samples=False)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    metrics = {
        f"{name} {METRICS[key]}": found["results"][name][f"{key},none"]
        for name in TABLES
        for key in METRICS
        if f"{key},none" in found["results"][name]
    }
    examples = sum(found["n-samples"][name]["effective"] for name in TABLES)
    print(
        json.dumps(
            {"cpu_seconds": spent[0], "wall_seconds": spent[1], "examples": examples, "metrics": metrics}
        )
    )


main()
