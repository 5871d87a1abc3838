"""VAIV's whole chain on its own files, small: every step runs, and chance is not called a success."""

from __future__ import annotations

from pathlib import Path

import pytest

from dajeong.cli import main
from dajeong.messages import choose_language
from dajeong.storage import read_json
from shared_data import SHARED, needs_shared

SMALL = [
    "model=tiny",
    "threads=1",
    "scale=0.004",
    "base.tiny={layers: 1, hidden: 32, heads: 2, vocabulary: 600, positions: 2048}",
    "base.tokens_per_update=512",
    "ppo.prompts_per_update=4",
    "ppo.decoding.max_new_tokens=8",
    "evaluate.decoding.max_new_tokens=8",
    "refusals.decoding.max_new_tokens=8",
]


@needs_shared
def test_vaivs_chain_runs_to_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    choose_language(None)
    given = [f"--set=data_dir={SHARED / 'vaiv'}", *(f"--set={setting}" for setting in SMALL)]
    run = tmp_path / "run"
    assert main(["run", "friendly-rlhf", "--quiet", "--out", str(run), *given]) == 0
    assert {path.name for path in (run / "models").iterdir()} == {"base", "sft", "reward", "ppo"}
    results = read_json(run / "results.json")
    rewards = [row for row in results if row["task"] == "reward" and row["metric"] == "accuracy"]
    assert rewards and all(row["baselines"] and row["n"] for row in rewards if not row["versus"])
    assert {"false_refusal", "true_refusal"} <= {row["metric"] for row in results}
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Not above its baselines" in page
