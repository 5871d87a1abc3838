"""The arithmetic of the benchmarks, and that the page shows the figures of the newest committed result."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


rounds, page = load("rounds"), load("page")


def row(number: int, side: str, seconds: float, name: str = "x") -> dict[str, object]:
    return {"name": name, "round": number, "side": side, "cpu_seconds": seconds, "count": 100}


def test_the_two_sides_of_a_task_stand_next_to_each_other() -> None:
    order = list(rounds.interleaved(2, ["a", "b"]))
    assert [side for *_, side in order] == ["ours", "peer"] * 4
    assert [(number, task) for number, task, _ in order[::2]] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert [cell[:2] for cell in order[::2]] == [cell[:2] for cell in order[1::2]]


def test_sides_take_turns_in_being_first() -> None:
    order = list(rounds.alternating(3, ["a", "b", "c"]))
    assert [side for _, side in order] == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    assert [number for number, _ in order] == [1] * 3 + [2] * 3 + [3] * 3


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
    assert found["median_per_cpu_second"]["x"]["ours"] == pytest.approx(16.667)


def test_of_seconds_to_a_loss_less_is_better() -> None:
    rows = [row(1, "ours", 2.0, "seconds_to_loss"), row(1, "peer", 4.0, "seconds_to_loss")]
    assert rounds.summary(rows, {"seconds_to_loss": 0.85})["ratios"] == {"seconds_to_loss": 0.5}
    assert rounds.summary(rows, {"seconds_to_loss": 0.85})["missed"] == []
    assert rounds.summary(rows, {"seconds_to_loss": 0.4})["missed"] == ["seconds_to_loss"]


def test_a_loss_is_reached_where_it_is_first_as_low() -> None:
    curve = [(1.0, 3.0), (2.0, 2.0), (3.0, 2.5), (4.0, 1.0)]
    assert [rounds.reached(curve, mark) for mark in (3.5, 2.5, 2.0, 1.5, 0.5)] == [1.0, 2.0, 2.0, 4.0, None]


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
    figures = re.findall(r"\d+\.\d{2,3}\b", block.partition("| ours")[2].partition("| part |")[0])
    assert len(figures) >= 12 and all(figure in raw for figure in figures)


def test_a_committed_result_follows_from_its_rounds() -> None:
    result = json.loads(page.newest().read_text(encoding="utf-8"))
    assert {name.removesuffix("_mid") for name in result["ratios"]} <= set(page.NAMES)
    rows = [each for part in result["parts"].values() for each in part["rounds"]]
    found = rounds.summary(rows, result["targets"])
    assert {key: result[key] for key in found} == found
    for part in result["parts"].values():
        assert max(each["round"] for each in part["rounds"]) >= 5


# --- what is measured


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return load("parts")


def test_every_ratio_is_on_the_page_and_every_target_is_measured(parts: ModuleType) -> None:
    assert {name.removesuffix("_mid") for name in parts.TARGETS} <= set(page.NAMES)
    for part in parts.PARTS.values():
        for _, script, *_ in part.sides.values():
            assert (ROOT / "benchmarks" / script).is_file()


def test_sides_that_begin_with_another_loss_are_not_compared(parts: ModuleType) -> None:
    answers = {"ours": {"losses": [2.0, 1.0]}, "TRL": {"losses": [2.0, 1.5]}}
    assert parts.first_losses(answers) == {"first_loss": {"ours": 2.0, "TRL": 2.0}}
    with pytest.raises(AssertionError):
        parts.first_losses({**answers, "TRL": {"losses": [2.001]}})


def test_the_mark_is_the_peers_last_loss(parts: ModuleType) -> None:
    answers = {
        "ours": {"curve": [(1.0, 2.0), (2.0, 0.9)]},
        "ours, plain": {"curve": [(1.5, 2.0), (3.0, 1.0)]},
        "peer": {"curve": [(2.0, 3.0), (4.0, 1.0)]},
    }
    found = parts.loss_rows(answers, dict.fromkeys(answers, 1.0), ROOT)
    assert [(each["name"], each["cpu_seconds"]) for each in found] == [
        ("seconds_to_loss", 2.0),
        ("seconds_to_loss", 4.0),
        ("seconds_to_loss_plain", 3.0),
        ("seconds_to_loss_plain", 4.0),
    ]


def test_lengths_follow_their_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    drawn = load("material").drawn
    quantiles = (10, 20, 60)
    assert [drawn(quantiles, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == [10, 15, 20, 40, 60]


def test_floors_follow_from_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polyglot-Ko 12.8B: 12.583e9 weights in its layers; 51.4 GFLOP a token of LoRA SFT at 512 tokens."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    floors = load("gpu_floors")
    shape = floors.Shape(layers=40, hidden=5120, heads=40, vocabulary=30080, positions=2048)
    assert shape.layer_weights == pytest.approx(12.583e9, rel=1e-4)
    assert 798e12 / floors.sft_floor(shape, 798e12, learned=0.5, length=512) == pytest.approx(
        51.4e9, rel=0.01
    )
    assert floors.decode_floor(shape, 1, 256, 3.0e12) == pytest.approx(8.6e-3, rel=0.02)


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


def test_the_page_tells_what_serving_and_labelling_measured() -> None:
    results, page_text = (
        ROOT / "benchmarks" / "results",
        (ROOT / "docs" / "performance.md").read_text("utf-8"),
    )
    served = max(results.glob("serving-*.json"))
    measured = json.loads(served.read_text(encoding="utf-8"))
    told = [measured["ratios"][name] for name in measured["targets"]] + list(
        measured["soak"]["memory_mib"].values()
    )
    told += [measured["soak"][name] for name in ("whole", "left", "different", "failed")]
    assert f"`{served.name}`" in page_text and [each for each in told if str(each) not in page_text] == []
    assert page_text.count("(missed)", page_text.index("## Serving")) == len(measured["missed"])
    labelled = max(results.glob("labelling-*.json"))
    figures = json.loads(labelled.read_text(encoding="utf-8"))["figures"]
    assert f"`{labelled.name}`" in page_text and f"{figures['one_p50_ms']:.1f} ms" in page_text
    assert f"{figures['one_p99_ms']:.1f}, target" in page_text
