"""KoBEST's published rows give what lm-eval 0.4.13 itself gives: prompts, log-likelihoods, metrics.

The model is a small GPT-NeoX with drawn weights, wide enough that a wrong token shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dajeong.data.kobest_tasks import NAMES, Name
from dajeong.evaluation.kobest import run, sheets_of
from dajeong.evaluation.settings import KobestSettings
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Result, Score
from dajeong.storage import read_records
from dajeong.workplace import Workplace
from shared_data import SHARED, needs_shared

ORACLE = Path(__file__).parents[1] / "golden" / "kobest" / "lm_eval_0_4_13.py"
DATA = SHARED / "kobest"
ASKED = {0: None, 5: 100}
"""Examples shown → rows of each task."""
SHAPE = TinySettings(layers=2, hidden=32, heads=2, vocabulary=800, positions=256)
METRICS = {"acc": "accuracy", "acc_norm": "acc_norm", "f1": "macro_f1"}

pytestmark = [
    needs_shared,
    pytest.mark.skipif(find_spec("lm_eval") is None, reason="lm-eval is not installed"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import GPTNeoXForCausalLM

    folder = tmp_path_factory.mktemp("kobest") / "tiny"
    texts = [path.read_text(encoding="utf-8") for path in sorted(DATA.glob("*/dev_first50.tsv"))]
    write_tiny(folder, texts, SHAPE, seed=3)
    network = GPTNeoXForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                weight.mul_(4)  # as drawn, every token would be as likely as any other
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def theirs(model: Path) -> dict[str, Any]:
    asked = [f"{shots}:{limit or 0}" for shots, limit in ASKED.items()]
    command = [sys.executable, "-W", "ignore", str(ORACLE), str(model), str(DATA), "16", *asked]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["version"] == "0.4.13"
    shots: dict[str, Any] = found["shots"]
    return shots


@pytest.fixture(scope="module")
def ours(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Examples shown → the folder of the step."""
    folders = {}
    for shots, limit in ASKED.items():
        work = Workplace(
            tmp_path_factory.mktemp("run"),
            "kobest",
            inputs={"models": (str(model),)},
            model_names={"models": ("tiny",)},
        )
        run(settings(shots, limit), work)
        folders[shots] = work.folder
    return folders


def settings(shots: int, limit: int | None) -> KobestSettings:
    return KobestSettings(data=DATA, shots=(shots,), max_records=limit)


@pytest.mark.parametrize("shots", ASKED)
@pytest.mark.parametrize("name", NAMES)
def test_everything_equals_lm_eval(
    name: Name, shots: int, theirs: dict[str, Any], ours: dict[int, Path]
) -> None:
    expected = theirs[str(shots)]["tasks"][name]
    (sheet,) = [each for each in sheets_of(settings(shots, ASKED[shots])) if each.name == name]
    assert [item.context for item in sheet.items] == expected["contexts"]
    values = [
        score.value for score in read_records(ours[shots] / "scores.jsonl", Score) if score.kind == name
    ]
    wanted = [value for row in expected["log_likelihoods"] for value in row]
    assert len(values) == len(wanted)
    assert np.abs(np.array(values, np.float64) - np.array(wanted)).max() <= 1e-4
    assert np.ptp(wanted) > 10, "a model to which all is equally likely would prove nothing"
    rows = list(read_records(ours[shots] / "results.jsonl", Result))
    found = {row.metric: row for row in rows if row.task == f"kobest/{name}"}
    assert {METRICS[metric]: value for metric, value in expected["metrics"].items()} == {
        metric: row.value for metric, row in found.items()
    }
    assert {row.n for row in found.values()} == {len(expected["contexts"])}
    assert len(expected["contexts"]) == (ASKED[shots] or len(sheet.items)) >= 100
