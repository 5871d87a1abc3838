"""Early stop on the validation loss: when it comes, which weights stay, and that a resumed run agrees."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import CPU, TINY, Trace, bytes_of, fresh_base, journal_of, make_sft, optimizer
from test_training_runs import House, dialogues

from dajeong.errors import UsageProblem
from dajeong.models.adapters import load_role
from dajeong.models.base import load_base
from dajeong.models.roles import BASE
from dajeong.models.settings import LoraSettings
from dajeong.templates import TEMPLATES
from dajeong.training import base as base_step
from dajeong.training import sft
from dajeong.training.best import Best
from dajeong.training.examples import examples_of
from dajeong.training.settings import BaseSettings, SftSettings
from dajeong.training.sft import Sft, keeps_best

LOSSES = [5.0, 4.0, 3.0, 3.5, 3.0, 3.1, 2.0, 1.0]
"""Lowest at the third reading; an equal one does not count; patience 3 ends at the sixth."""


def told(models: Path, monkeypatch: pytest.MonkeyPatch, patience: int | None = 3) -> Sft:
    """SFT of eight updates whose readings are written down beforehand."""
    monkeypatch.setattr(Sft, "mean_loss", lambda self, examples: LOSSES[self.done - 1])
    algorithm = make_sft(models, updates=8, validate_every=0.125)
    algorithm.best = Best(partial(algorithm.models["main"].parameters_of, "sft"), patience)
    return algorithm


def parameters(algorithm: Sft) -> dict[str, bytes]:
    owned = algorithm.models["main"].parameters_of("sft")
    return {name: bytes_of(parameter) for name, parameter in owned.items()}


def test_it_stops_when_waiting_brought_nothing_and_gives_back_the_best(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail with `<=` for `<` in `Best.read`, and without `put_back`."""
    algorithm = told(models, monkeypatch)
    trace = Trace(algorithm, tmp_path / "stopped")
    updates = [line["update"] for line in trace.journal if line["event"] == "update"]
    assert updates == [1, 2, 3, 4, 5, 6] and algorithm.best and algorithm.best.update == 3
    ended = parameters(algorithm)
    algorithm.best.put_back()
    three = told(models, monkeypatch)
    three.num_updates = 8
    monkeypatch.setattr(Best, "exhausted", property(lambda self: self.update == 3))
    Trace(three, tmp_path / "three")
    assert three.done == 3 and parameters(algorithm) == parameters(three) != ended


def test_without_patience_it_runs_to_the_end_and_still_knows_the_best(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm = told(models, monkeypatch, patience=None)
    Trace(algorithm, tmp_path)
    assert algorithm.done == 8 and algorithm.best and algorithm.best.update == 8


def test_from_every_checkpoint_it_stops_at_the_same_update_with_the_same_best(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail with `Best` left out of `Sft.state`."""
    monkeypatch.setattr("dajeong.training.checkpoint.KEPT", 99)
    whole = told(models, monkeypatch)
    trace = Trace(whole, tmp_path / "whole", every=1)
    assert whole.best
    whole.best.put_back()
    for update in range(1, 7):
        name = f"update-{update:08d}"
        place = tmp_path / name / "steps" / "step"
        shutil.copytree(trace.work.folder / "checkpoints" / name, place / "checkpoints" / name)
        shutil.copy(trace.work.folder / "journal.jsonl", place)
        again = told(models, monkeypatch)
        resumed = Trace(again, tmp_path / name, every=99)
        assert again.best
        again.best.put_back()
        assert parameters(again) == parameters(whole), name
        assert journal_of(resumed.work) == trace.journal, name


@pytest.mark.parametrize("lora", [LoraSettings(rank=4), None], ids=["adapter", "whole"])
def test_the_model_left_behind_is_that_of_the_lowest_reading(tmp_path: Path, lora: Any) -> None:
    """Read back from the disk. The rate is so high that the loss rises again."""
    house = House(tmp_path)
    house.give("text", dialogues(20, 0, answered=True))
    house.give("talks", dialogues(12, 1, answered=True))
    house.give("held-out", dialogues(4, 2, answered=True))
    small: dict[str, Any] = {"tokens_per_update": 300, "max_tokens": 100, "runtime": CPU}
    base_step.run(
        BaseSettings(updates=2, tiny=TINY, optimizer=optimizer(), **small), house.work("base", text="text")
    )
    wanted = SftSettings(
        updates=12,
        lora=lora,
        template="koalpaca",
        optimizer=optimizer(learning_rate=0.1),
        validate_every=0.08,
        patience=1,
        **small,
    )
    work = house.work("sft", data="talks", validation="held-out", model="base")
    sft.run(wanted, work)
    readings = {line["update"]: line["loss"] for line in journal_of(work) if line["event"] == "validation"}
    best = min(readings, key=lambda update: readings[update])
    assert best < max(readings) < 12, "it stopped early"
    assert work.progress.said["best-kept"]["update"] == best  # type: ignore[attr-defined]
    again = load_base(str(work.model_folder if lora is None else tmp_path / "models" / "base"), CPU)
    role = BASE if lora is None else "sft"
    if lora is not None:
        load_role(again.model, role, work.model_folder)
    held_out = examples_of(dialogues(4, 2, answered=True), TEMPLATES["koalpaca"], again.tokenizer, 100).tokens
    reader = Sft(again.model, role, held_out, wanted, wanted.optimizer, 0)
    assert reader.mean_loss(held_out) == pytest.approx(readings[best], rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "keeps"),
    [
        ({}, False),
        ({"patience": 2}, True),
        ({"patience": 2, "keep": "last"}, False),
        ({"keep": "best"}, True),
    ],
)
def test_what_is_kept(changed: dict[str, Any], keeps: bool) -> None:
    assert keeps_best(SftSettings(**changed)) == keeps


@pytest.mark.parametrize("changed", [{"patience": 2}, {"keep": "best"}], ids=["patience", "keep"])
def test_without_validation_nothing_begins(
    tmp_path: Path, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.give("talks", dialogues(4, 1, answered=True))
    monkeypatch.setattr(sft, "load_base", lambda *args, **named: pytest.fail("a model was loaded"))
    with pytest.raises(UsageProblem) as caught:
        sft.run(SftSettings(**changed), house.work("sft", data="talks", model="base"))
    assert (caught.value.code, caught.value.exit_code) == ("no-validation", 2)


@pytest.mark.parametrize("every", [0.5, 1.0])
def test_every_epoch_ends_with_a_reading(models: Path, every: float) -> None:
    """Seen to fail with readings at shares of the run alone: eight epochs had two."""
    algorithm = make_sft(models, updates=20, validate_every=every)
    ends, read = [], []
    for update in range(1, 21):
        entries = algorithm.after(None)  # type: ignore[arg-type]
        if algorithm.cursor.place == 0:
            ends.append(update)
        read += [entry.values["update"] for entry in entries]
    assert len(ends) >= 4 and set(ends) <= set(read) and read[-1] == 20


def test_the_best_is_a_copy(models: Path) -> None:
    owned = fresh_base(models).model.parameters_of(BASE)
    best = Best(lambda: owned)
    best.read(1, 1.0)
    with torch.no_grad():
        for parameter in owned.values():
            parameter.add_(1)
    best.read(2, float("nan"))
    assert best.update == 1 and not any(torch.equal(best.kept[name], owned[name]) for name in owned)
