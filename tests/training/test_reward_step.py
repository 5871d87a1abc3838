"""The step `reward`: where it may start, what it validates and keeps, what its gate does not let through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from reward_parts import Heard, asked, preference, preferences, reward_settings, workplace
from small_training import fresh_base, journal_of, make_reward
from transformers import AutoModelForSequenceClassification

from dajeong.errors import DataProblem, QualityProblem, UsageProblem
from dajeong.judging.reward_model import RewardScorer
from dajeong.models.adapters import base_of, load_role, notes_of, template_of
from dajeong.models.scoring import scored_ids
from dajeong.models.settings import LoraSettings
from dajeong.records import Preference
from dajeong.training import reward_measured
from dajeong.training.examples import Ranked
from dajeong.training.reward import ROLE, Reward, run
from dajeong.training.reward_gate import Read
from dajeong.training.reward_settings import LabelSettings
from dajeong.workplace import Workplace


def said(work: Workplace) -> Heard:
    assert isinstance(work.progress, Heard)
    return work.progress


# --- where it starts


def test_a_bare_base_gets_an_adapter_of_its_own_and_the_template_that_is_named(
    models: Path, tmp_path: Path
) -> None:
    work = workplace(tmp_path, models / "base", preferences())
    run(reward_settings(template="kullm", lora=LoraSettings(rank=3)), work)
    assert template_of(work.model_folder).name == "kullm"
    assert Path(base_of(work.model_folder)[0]) == (models / "base").resolve()
    assert notes_of(work.model_folder).role == "reward"
    assert len(RewardScorer(str(work.model_folder)).rewards([(asked("점심?"), "국수요.")])) == 1


def test_a_bare_base_brings_its_template_or_is_read_as_plain_text(models: Path, tmp_path: Path) -> None:
    work = workplace(tmp_path, models / "base", preferences())
    run(reward_settings(), work)
    assert template_of(work.model_folder).name == "plain"


@pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*")  # PEFT uses what is deprecated
def test_its_adapter_is_read_by_stock_peft_with_the_same_scores(models: Path, tmp_path: Path) -> None:
    work = workplace(tmp_path, models / "sft", preferences())
    run(reward_settings(), work)
    scorer = RewardScorer(str(work.model_folder))
    classifier = AutoModelForSequenceClassification.from_pretrained(models / "base", num_labels=1)
    stock = PeftModel.from_pretrained(classifier, work.model_folder).eval()
    for answer in ("국수요.", "싫어", "네! 좋아요"):
        (ours,) = scorer.rewards([(asked("점심?"), answer)])
        tokens = scored_ids(asked("점심?"), answer, scorer.template, scorer.tokenizer, 100)
        with torch.no_grad():
            theirs = float(stock(input_ids=torch.tensor([tokens])).logits[0, 0])
        assert ours == pytest.approx(theirs, abs=1e-5)


# --- what the labels do


def learned(models: Path, tmp_path: Path, data: list[Preference], **changed: Any) -> dict[str, torch.Tensor]:
    work = workplace(tmp_path, models / "sft", data)
    run(reward_settings(**changed), work)
    base = fresh_base(models)
    load_role(base.model, ROLE, work.model_folder)
    return {name: weight.detach().clone() for name, weight in base.model.parameters_of(ROLE).items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_what_an_annotator_said_counts_as_often_as_it_is_weighted(models: Path, tmp_path: Path) -> None:
    by = [
        each.model_copy(update={"labelled_by": f"human:{'ab'[n % 2]}"})
        for n, each in enumerate(preferences())
    ]
    plain = learned(models, tmp_path / "1", by)
    factors = LabelSettings(annotators={"human:a": 2.0, "human:b": 2.0})
    assert all(
        torch.allclose(plain[name], weight, atol=1e-5)
        for name, weight in learned(models, tmp_path / "2", by, labels=factors).items()
    ), "twice everybody is nobody's advantage"
    heavier = LabelSettings(annotators={"human:a": 5.0})
    weighted = [
        each.model_copy(update={"weight": 5.0}) if each.labelled_by == "human:a" else each for each in by
    ]
    five = learned(models, tmp_path / "3", by, labels=heavier)
    assert equal(five, learned(models, tmp_path / "4", weighted)) and not equal(five, plain)
    without = learned(models, tmp_path / "5", by, labels=LabelSettings(annotators={"human:b": 0.0}))
    assert equal(without, learned(models, tmp_path / "6", [p for p in by if p.labelled_by == "human:a"]))


def test_ties_are_counted_when_they_are_left_out_and_learned_when_soft(models: Path, tmp_path: Path) -> None:
    data = [*preferences(6), preference("tie", "가", "나", "다", ranking=((0,), (1, 2)))]
    work = workplace(tmp_path / "drop", models / "sft", data)
    run(reward_settings(), work)
    assert ("ties-left-out", {"step": "reward", "ties": 1}) in said(work).said
    soft = workplace(tmp_path / "soft", models / "sft", data)
    run(reward_settings(labels=LabelSettings(ties="soft")), soft)
    assert "ties-left-out" not in said(soft).codes()
    tie = Ranked([[5, 6, 0], [7, 8, 0]], [(0, 1)], 1.0, [0.5])
    algorithm = make_reward(models)
    algorithm.preferences = [tie]
    batch = algorithm._batch([0])
    rewards = torch.tensor([2.0, -1.0], requires_grad=True)
    outputs = algorithm.models["main"](batch.tokens)._replace(values={ROLE: rewards})
    terms = algorithm.loss(outputs, batch)
    terms["ranking"].backward()
    assert rewards.grad is not None and rewards.grad[0] > 0 > rewards.grad[1], "it draws them together"
    assert float(terms["accuracy"]) == 0 == batch.weights["accuracy"]


def test_a_preference_with_one_response_is_refused_with_its_line(models: Path, tmp_path: Path) -> None:
    work = workplace(tmp_path, models / "sft", preferences(2))
    file = Path(work.inputs["data"][0])
    lines = file.read_text(encoding="utf-8").splitlines()
    broken = json.loads(lines[1]) | {"responses": [{"content": "가"}], "ranking": [[0]]}
    file.write_text(lines[0] + "\n" + json.dumps(broken, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(DataProblem) as caught:
        run(reward_settings(), work)
    assert caught.value.exit_code == 3 and "responses" in str(caught.value) and ":2" in str(caught.value)


# --- validation


def test_accuracy_on_held_out_preferences_is_read_during_training(models: Path, tmp_path: Path) -> None:
    held_out = preferences(5, seed=7, prefix="v")
    work = workplace(tmp_path, models / "sft", preferences(), held_out)
    run(reward_settings(updates=4, validate_every=0.5), work)
    read = [line for line in journal_of(work) if line["event"] == "validation"]
    assert [line["update"] for line in read] == [2, 4]
    scorer = RewardScorer(str(work.model_folder))
    rewards = [scorer.rewards([(p.prompt, r.content) for r in p.responses]) for p in held_out]
    assert read[-1]["accuracy"] == sum(better > worse for better, worse in rewards) / 5
    gaps = torch.tensor([better - worse for better, worse in rewards])
    loss = float(-torch.nn.functional.logsigmoid(gaps).mean())
    assert read[-1]["loss"] == pytest.approx(loss, abs=1e-5)


def test_the_best_weights_are_kept_and_survive_a_checkpoint(models: Path) -> None:
    def made() -> Reward:
        algorithm = make_reward(models, keep="best", updates=4)
        algorithm.held_out = algorithm.preferences[:2]
        algorithm.validate_every = 1
        return algorithm

    first = made()
    readings = iter([0.5, 0.3, 0.9])
    first.reading = lambda held_out: (next(readings), 0.5)  # type: ignore[method-assign]
    weights = []
    for _ in range(3):
        with torch.no_grad():
            first.models["main"].score(ROLE).add_(1)
        weights.append(first.models["main"].score(ROLE).detach().clone())
        first.after(None)  # type: ignore[arg-type]
    again = made()
    again.restore(first.state())
    assert again.best is not None and again.best.loss == 0.3
    again.best.put_back()
    assert torch.equal(again.models["main"].score(ROLE), weights[1])


def test_the_best_of_nothing_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        run(reward_settings(keep="best"), workplace(tmp_path, models / "sft", preferences()))
    assert caught.value.exit_code == 2 and "validation" in str(caught.value)


# --- the gate

BROKEN = {
    "not_finite": lambda lengths: [float("nan")] * len(lengths),
    "spread": lambda lengths: [1.0] * len(lengths),
    "length_agreement": lambda lengths: [0.1 * length for length in lengths],
}


@pytest.mark.parametrize("action", ["off", "warn", "stop"])
@pytest.mark.parametrize("statistic", BROKEN)
def test_R11_a_reward_model_that_says_nothing_fails_its_gate_with_the_statistic(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statistic: str, action: str
) -> None:
    """Of the fault list. Failed when a gate that should stop only warned."""

    def broken(model: Any, role: str, sequences: Sequence[Sequence[int]], budget: int) -> list[float]:
        found: list[float] = BROKEN[statistic]([len(ids) for ids in sequences])
        return found

    data = [preference(f"p{number}", "가" * (2 + number % 3), "나", "다다다다다") for number in range(14)]
    work = workplace(tmp_path, models / "sft", data, normalise=[])
    monkeypatch.setattr(reward_measured, "rewards_of", broken)
    settings = reward_settings(updates=2)
    settings = settings.model_copy(update={"gate": settings.gate.model_copy(update={"action": action})})
    if action == "stop":
        with pytest.raises(QualityProblem) as caught:
            run(settings, work)
        assert caught.value.exit_code == 6 and statistic in str(caught.value)
    else:
        run(settings, work)
        assert ("reward-gate-warns" in said(work).codes()) == (action == "warn")
    assert work.model_folder.is_dir() == (action != "stop")
    told = [line for line in journal_of(work) if line["event"] == "gate"]
    assert [line["failed"] for line in told] == ([] if action == "off" else [[statistic]])


def test_the_gate_reads_what_was_held_out_and_no_more_than_it_should(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Read] = []

    def watched(found: list[Read]) -> dict[str, float]:
        read.extend(found)
        return {"not_finite": 0.0, "unequal_pairs": 0.0}

    monkeypatch.setattr(reward_measured, "statistics_of", watched)
    held_out = preferences(9, seed=7, prefix="v")
    work = workplace(tmp_path, models / "sft", preferences(), held_out)
    settings = reward_settings(updates=2)
    run(settings.model_copy(update={"gate": settings.gate.model_copy(update={"prompts": 4})}), work)
    assert len(read) == 4
    scorer = RewardScorer(str(work.model_folder))
    for each, wanted in zip(read, held_out, strict=False):
        rewards = scorer.rewards([(wanted.prompt, response.content) for response in wanted.responses])
        assert each.rewards == pytest.approx(rewards, abs=1e-5)
