"""What lm-eval 0.4.13 itself says of KoBEST: its prompts, metrics and log-likelihoods as one JSON object.

    python lm_eval_0_4_13.py MODEL_FOLDER DATA_FOLDER BATCH_SIZE SHOTS:LIMIT...

Tables are read with pandas, as the Hub's copy of KoBEST was. A limit of 0 takes every row. Run by the tests
in a process of its own; nothing of dajeong is imported.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "LOGLEVEL": "ERROR", "HF_DATASETS_OFFLINE": "1"}

import lm_eval
import pandas
import torch
from datasets import Dataset, DatasetDict
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml
from lm_eval.utils import env

TRUTH = {"False": 0, "True": 1}
TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "boolq": ("BoolQ", {"Text": "paragraph", "Question": "question", "Answer": "label"}),
    "copa": (
        "COPA",
        {
            "sentence": "premise",
            "question": "question",
            "1": "alternative_1",
            "2": "alternative_2",
            "Answer": "label",
        },
    ),
    "hellaswag": (
        "HellaSwag",
        {"context": "context", **{f"choice{n}": f"ending_{n}" for n in range(1, 5)}, "label": "label"},
    ),
    "sentineg": ("SentiNeg", {"Text": "sentence", "Label": "label"}),
    "wic": (
        "WiC",
        {"Target": "word", "SENTENCE1": "context_1", "SENTENCE2": "context_2", "ANSWER": "label"},
    ),
}


def main() -> None:
    model, data, batch_size, *asked = sys.argv[1:]
    torch.set_num_threads(1)
    env.from_string = cache(env.from_string)  # it would compile each prompt's template for each row anew
    judge = HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=int(batch_size))
    found = {}
    for each in asked:
        shots, limit = map(int, each.split(":"))
        found[str(shots)] = measured(judge, Path(data), shots, limit)
    print(json.dumps({"version": lm_eval.__version__, "shots": found}))


def measured(judge: HFLM, data: Path, shots: int, limit: int) -> dict[str, Any]:
    tasks = {name: task(name, data, shots) for name in TABLES}
    found = evaluate(judge, {"tasks": tasks}, limit=limit or None, bootstrap_iters=0)
    return {"tasks": {name: read(found, name) for name in TABLES}}


def read(found: dict[str, Any], name: str) -> dict[str, Any]:
    samples = sorted(found["samples"][name], key=lambda sample: sample["doc_id"])
    measured = {key.removesuffix(",none"): value for key, value in found["results"][name].items()}
    return {
        "metrics": {key: measured[key] for key in ("acc", "acc_norm", "f1") if key in measured},
        "contexts": [sample["arguments"][0][0] for sample in samples],
        "log_likelihoods": [[answer[0][0] for answer in sample["resps"]] for sample in samples],
    }


def task(name: str, data: Path, shots: int) -> ConfigurableTask:
    """lm-eval's own task, its rows from the tables instead of the Hub."""
    config = load_yaml(Path(lm_eval.__file__).parent / "tasks" / "kobest" / f"kobest_{name}.yaml")
    parts = {part: Dataset.from_pandas(rows(name, data, part)) for part in ("train", "test")}
    parts["validation"] = parts["train"]
    config |= {"task": name, "custom_dataset": lambda **_: DatasetDict(parts)}
    made = ConfigurableTask(config=config)
    made.set_config(key="num_fewshot", value=shots)
    made.set_fewshot_seed(seed=1234)
    return made


def rows(name: str, data: Path, part: str) -> pandas.DataFrame:
    folder, columns = TABLES[name]
    (path,) = (data / folder).glob(f"{part}*.tsv")
    table = pandas.read_csv(path, sep="\t").dropna()[list(columns)].rename(columns=columns)
    if name in ("boolq", "wic"):
        table["label"] = [TRUTH[str(label)] for label in table["label"]]
    if name == "copa":
        table["label"] -= 1
    return table.reset_index(drop=True)


if __name__ == "__main__":
    main()
