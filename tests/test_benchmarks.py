"""The arithmetic of the benchmarks, and that the page shows the figures of the newest committed result."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rounds, page = load("rounds"), load("page")


def row(number: int, side: str, seconds: float, name: str = "x") -> dict[str, object]:
    return {"name": name, "round": number, "side": side, "cpu_seconds": seconds, "useful_tokens": 100}


def test_the_two_sides_of_a_task_stand_next_to_each_other() -> None:
    order = list(rounds.interleaved(2, ["a", "b"]))
    assert [side for *_, side in order] == ["ours", "peer"] * 4
    assert [(number, task) for number, task, _ in order[::2]] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert [cell[:2] for cell in order[::2]] == [cell[:2] for cell in order[1::2]]


def test_a_machine_that_slows_down_changes_no_ratio() -> None:
    rows = [
        row(number, side, slow * cost)
        for number, slow in ((1, 1.0), (2, 3.0), (3, 7.0))
        for side, cost in (("ours", 2.0), ("peer", 3.0))
    ]
    found = rounds.summary(list(reversed(rows)), {"x": 1.6})
    assert found["ratios"] == {"x": 1.5} and found["ratios_by_round"] == {"x": [1.5, 1.5, 1.5]}
    assert found["missed"] == ["x"] and rounds.summary(rows, {"x": 1.5})["missed"] == []
    assert found["median_cpu_seconds"]["x"] == {"ours": 6.0, "peer": 9.0}
    assert found["median_tokens_per_cpu_second"]["x"]["ours"] == pytest.approx(16.667)


def test_a_round_without_its_peer_is_no_ratio() -> None:
    with pytest.raises(ValueError):
        rounds.paired([row(1, "ours", 1.0), row(1, "peer", 1.0), row(2, "ours", 1.0)], "x")


def test_the_gap_of_losses_is_the_largest_relative_one() -> None:
    assert rounds.largest_gap([1.0, 2.2, 3.0], [1.0, 2.0, 3.3]) == pytest.approx(0.1)


def test_the_page_shows_the_newest_result() -> None:
    path = page.newest()
    result = json.loads(path.read_text(encoding="utf-8"))
    text = page.PAGE.read_text(encoding="utf-8")
    block = text.partition(page.BEGIN)[2].partition(page.END)[0]
    assert block.strip() == page.table(result, path.name)
    raw = json.dumps(result)
    figures = re.findall(r"\d+\.\d{2,3}\b", block.partition("| ours")[2])
    assert len(figures) >= 12 and all(figure in raw for figure in figures)


def test_a_committed_result_follows_from_its_rounds() -> None:
    result = json.loads(page.newest().read_text(encoding="utf-8"))
    assert set(result["ratios"]) == set(page.NAMES)
    found = rounds.summary(result["rounds"], result["targets"])
    assert {key: result[key] for key in found} == found
    assert max(each["round"] for each in result["rounds"]) >= 3


# --- KoBEST beside lm-eval


@pytest.fixture
def evaluation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return load("evaluation")


def test_lm_eval_is_taken_with_the_batch_size_that_serves_it_best(evaluation: ModuleType) -> None:
    rows = [
        {"round": number, "name": name, "side": side, "rate": slow * rate}
        for number, slow in ((1, 1.0), (2, 0.5))
        for name in evaluation.SHOTS
        for side, rate in (("ours", 30.0), ("peer", 10.0), ("peer", 20.0), ("peer", 5.0))
    ]
    found = evaluation.summary(rows)
    assert set(found["ratios"].values()) == {1.5} and found["missed"] == []
    assert found["ratios_by_round"]["kobest_vs_lm_eval_0_shot"] == [1.5, 1.5]


def test_sides_that_find_different_figures_are_not_compared(evaluation: ModuleType) -> None:
    one = {"name": "x", "examples": 3, "metrics": {"boolq macro_f1": 0.5}}
    evaluation.check([one, dict(one)], "x")
    with pytest.raises(AssertionError):
        evaluation.check([one, {**one, "metrics": {"boolq macro_f1": 0.25}}], "x")


def test_a_committed_evaluation_follows_from_its_rounds(evaluation: ModuleType) -> None:
    path = max((ROOT / "benchmarks" / "results").glob("evaluation-*.json"))
    result = json.loads(path.read_text(encoding="utf-8"))
    found = evaluation.summary(result["rounds"])
    assert {key: result[key] for key in found} == found and result["missed"] == []
    page_text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert f"`{path.name}`" in page_text
    assert [ratio for ratio in result["ratios"].values() if f"| {ratio} |" not in page_text] == []
    judged = result["geval_exact"]
    assert judged["forwards_per_criterion"] == 1 and judged["tokens_of_a_score"][0] == 1
    assert f"{judged['per_cpu_second']:.1f} criteria" in page_text
