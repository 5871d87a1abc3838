"""KoBEST by our own step, from its tables to its figures, intervals and files included.

argv: model folder, data folder, examples before each question, rows of each task (0: all). Prints
one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import torch

from dajeong.evaluation.kobest import measure
from dajeong.evaluation.settings import KobestSettings
from dajeong.models.continuations import Likelihoods
from dajeong.models.load import load_chat
from dajeong.records import Result
from dajeong.storage import read_records
from dajeong.workplace import Workplace


def main() -> None:
    model, data, shots, limit = sys.argv[1:]
    torch.set_num_threads(1)
    chat = load_chat(model)
    likelihoods = Likelihoods(chat.model, chat.role, chat.tokenizer)
    settings = KobestSettings(data=Path(data), shots=(int(shots),), max_records=int(limit) or None)
    with tempfile.TemporaryDirectory() as folder:
        work = Workplace(Path(folder), "kobest", inputs={"models": (model,)}, model_names={"models": ("m",)})
        measure(settings.model_copy(update={"max_records": 16}), work, lambda _: likelihoods)  # the warm-up
        cpu, wall = time.process_time(), time.perf_counter()
        measure(settings, work, lambda _: likelihoods)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        rows = list(read_records(work.folder / "results.jsonl", Result))
    found = [row for row in rows if "/" in row.task]
    print(
        json.dumps(
            {
                "cpu_seconds": spent[0],
                "wall_seconds": spent[1],
                "examples": sum(row.n for row in found if row.metric == "macro_f1"),
                "metrics": {f"{row.task.split('/')[1]} {row.metric}": row.value for row in found},
            }
        )
    )


main()
