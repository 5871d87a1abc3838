"""The line beside the bar of a training step: what is learned, the last rollout, the pace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dajeong.messages import choose_language
from dajeong.training.algorithm import Entry, StepReport
from dajeong.training.readings import Readings


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    choose_language("en")
    yield
    choose_language(None)


def report(tokens: int = 500, **losses: float) -> StepReport:
    return StepReport(1, losses, {}, {}, {}, tokens)


def test_losses_without_a_coefficient_are_no_losses() -> None:
    readings = Readings({"policy": 1.0, "kl": 0.0}, clock=lambda: 0.0)
    assert readings.note(report(policy=0.25, kl=3.0), []) == "policy 0.250"


def test_the_last_rollout_stays_in_the_line() -> None:
    readings = Readings({"policy": 1.0}, clock=lambda: 0.0)
    rollout = Entry("rollout", {"rollout": 1, "reward": 0.5, "kl": 1.25, "length": 18.4, "entropy": 2.0})
    shown = "reward 0.500 · kl 1.250 · length 18.4 · policy "
    assert readings.note(report(policy=0.1), [rollout]) == f"{shown}0.100"
    assert readings.note(report(policy=0.2), []) == f"{shown}0.200"


def test_the_pace_is_of_the_last_updates() -> None:
    now = 0.0
    readings = Readings({"nll": 1.0}, clock=lambda: now)
    for _ in range(5):
        now += 1.0
        line = readings.note(report(5000, nll=2.0), [])
    assert line == "nll 2.000 · 5,000 tokens/s"
    for _ in range(20):
        now += 1.0
        line = readings.note(report(100, nll=2.0), [Entry("validation", {"loss": 1.5})])
    assert line == "validation 1.500 · nll 2.000 · 100 tokens/s"


def test_a_validation_of_many_terms_shows_what_is_learned() -> None:
    readings = Readings({"preference": 1.0, "margin": 0.0}, clock=lambda: 0.0)
    held_out = Entry("validation", {"update": 1, "loss": {"preference": 0.6, "margin": 3.0}})
    assert (
        readings.note(report(preference=0.7), [held_out]) == "validation preference 0.600 · preference 0.700"
    )
