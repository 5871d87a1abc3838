"""Updates whose gradient leaps: the rule, that it hides nothing, and when it gives up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loop_parts import infinite_loss, loop_of, nan_gradient, nan_loss, snapshot, spoiled, when_done
from small_training import MAKERS, Trace, journal_of, make_sft, optimizer, same_bytes
from torch import Tensor

from dajeong.errors import QualityProblem
from dajeong.training.algorithm import Algorithm
from dajeong.training.spike_settings import SpikeSettings
from dajeong.training.spikes import Spikes

STRICT = SpikeSettings(sigmas=20, window=8, most=1)
"""A few updates know little of what is usual."""
SKIPPING = optimizer(spikes=STRICT)


def fifty_times(term: Tensor) -> Tensor:
    return 50 * term


def thousandfold(term: Tensor) -> Tensor:
    """Gradients of four small updates lie far apart."""
    return 1000 * term


def skipping(name: str, models: Path) -> Algorithm:
    both = {"value_optimizer": SKIPPING} if name == "ppo" else {}
    return MAKERS[name](models, optimizer=SKIPPING, **both)


# --- the rule

norms = st.lists(st.floats(0.9, 1.1), min_size=4, max_size=12)


@given(norms, st.floats(1e-3, 50))
def test_a_leap_is_what_lies_six_deviations_above_the_last_window(before: list[float], norm: float) -> None:
    spikes = Spikes({"sft": SpikeSettings(window=8)})
    for each in before:
        spikes.history["sft"] = [*spikes.history["sft"], each][-8:]
    recent = before[-8:]
    mean = sum(recent) / len(recent)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in recent) / (len(recent) - 1))
    if abs(norm - mean - 6 * deviation) > 1e-9:
        assert bool(spikes.judge({"sft": norm})) == (norm > mean + 6 * deviation)


def test_a_leap_is_not_remembered_and_half_a_window_must_be_known() -> None:
    spikes = Spikes({"sft": SpikeSettings(window=8)})
    assert [spikes.judge({"sft": norm}) for norm in (1.0, 1e6, 1.0)] == [None] * 3
    spikes = Spikes({"sft": SpikeSettings(window=8)})
    for norm in (1.0, 1.1, 0.9, 1.0):
        assert spikes.judge({"sft": norm}) is None
    for count in (1, 2):
        found = spikes.judge({"sft": 50.0})
        assert found is not None and found.norm == 50 and 1 < found.limit < 2
        assert spikes.num_left_out == count and len(spikes.history["sft"]) == 4


@pytest.mark.parametrize("norm", [math.nan, math.inf])
def test_what_is_not_finite_is_a_leap_from_the_first_update_on(norm: float) -> None:
    assert Spikes({"sft": SpikeSettings()}).judge({"sft": norm}) is not None
    assert Spikes({}).judge({"sft": norm}) is None, "by default it is not this rule's business"


# --- in the loop


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("spoil", [thousandfold, nan_loss, infinite_loss, nan_gradient])
def test_R07_an_update_that_leaps_is_left_out_told_and_its_rows_are_kept(
    models: Path, tmp_path: Path, name: str, spoil: Callable[[Tensor], Tensor]
) -> None:
    """Seen to fail where the step was made all the same, where it was left out without a line, and where the
    leap became part of the window."""
    at = Trace(skipping(name, models), tmp_path / "calm").loop.update
    loop = loop_of(spoiled(skipping(name, models), at, spoil), tmp_path / "leap")
    before: dict[str, Tensor] = {}
    when_done(loop.algorithm, at - 1, lambda: before.update(snapshot(loop)))
    loop.run()
    assert same_bytes(before, loop.optimizer.tensors()), "no weight and no moment has moved"
    journal = journal_of(loop.work)
    (told,) = [line for line in journal if line["event"] == "alarm"]
    assert told["update"] == at and told["count"] == 1
    assert (told["grad_norm"] is None) == (spoil is not thousandfold)
    update = next(line for line in journal if line["event"] == "update" and line["update"] == at)
    assert set(update["lr"].values()) == {0.0}
    kept = json.loads((loop.work.folder / f"left-out-{at:08d}-0.json").read_text(encoding="utf-8"))
    assert kept["update"] == at and sum(kept["lengths"]) == len(kept["ids"]) > 0


def test_R07_too_many_end_the_run_with_a_checkpoint(models: Path, tmp_path: Path) -> None:
    """Seen to fail where the count was not compared."""

    def always(algorithm: Algorithm) -> Algorithm:
        loss = algorithm.loss

        def bad(outputs: Any, batch: Any) -> Mapping[str, Tensor]:
            return {name: nan_loss(term) for name, term in loss(outputs, batch).items()}

        algorithm.loss = bad  # type: ignore[method-assign]
        return algorithm

    loop = loop_of(always(make_sft(models, optimizer=SKIPPING)), tmp_path)
    with pytest.raises(QualityProblem) as caught:
        loop.run()
    assert caught.value.code == "too-many-left-out" and caught.value.exit_code == 6
    assert caught.value.parameters["update"] == 2 and caught.value.parameters["count"] == 2
    assert len(list(loop.work.folder.glob("left-out-*.json"))) == 2
    assert loop.checkpoints.latest() is not None
    assert all("NaN" not in line for line in (loop.work.folder / "journal.jsonl").read_text().splitlines())


def test_R07_what_was_left_out_is_remembered_by_a_checkpoint(models: Path, tmp_path: Path) -> None:
    """Seen to fail where the window and the count began anew."""

    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    def leaping(more: bool = False) -> Algorithm:
        algorithm = make_sft(models, updates=8, optimizer=SKIPPING)
        return spoiled(algorithm, 2 if more else 6, fifty_times)

    straight = Trace(leaping(), tmp_path / "straight")
    assert [line["update"] for line in straight.journal if line["event"] == "alarm"] == [6]
    with pytest.raises(Killed):
        loop_of(when_done(leaping(), 7, kill), tmp_path / "killed", every=4).run()
    resumed = Trace(leaping(more=True), tmp_path / "killed")
    assert same_bytes(straight.tensors, resumed.tensors) and straight.journal == resumed.journal


def test_a_rule_that_finds_nothing_changes_nothing(models: Path, tmp_path: Path) -> None:
    plain = Trace(make_sft(models), tmp_path / "plain")
    watched = Trace(make_sft(models, optimizer=SKIPPING), tmp_path / "watched")
    assert same_bytes(plain.tensors, watched.tensors) and plain.journal == watched.journal
