"""Guards of PPO: when a signal is too far, what the run does about it; and no weight depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_training import END, TEXT, Scripted, Trace, drawn_prompts, journal_of, make_ppo, same_bytes

from dajeong.errors import QualityProblem
from dajeong.fingerprint import parts_of
from dajeong.recipe import load
from dajeong.records import Dialogue, Message
from dajeong.rollout.authored import reply_to
from dajeong.training.guards import Guards, beyond, readings_of
from dajeong.training.loop import Loop
from dajeong.training.parallel import Single
from dajeong.training.ppo import Ppo
from dajeong.training.rollout_settings import GuardSettings
from dajeong.workplace import Workplace

NO_LIMITS: dict[str, Any] = dict.fromkeys(
    ("repetition", "distinct", "length", "false_refusal", "kl", "reward", "unended", "empty", "deviation")
)
ASKED = [
    Dialogue(id=f"prompt-{place}", kind=kind, messages=(Message(role="user", content=TEXT),))
    for place, kind in enumerate(("talk", "talk", "abusive"))
]


def limits(**changed: Any) -> GuardSettings:
    return GuardSettings(**{**NO_LIMITS, "patience": 1, **changed})


# --- when a signal is too far


@pytest.mark.parametrize(
    ("changed", "values", "signals"),
    [
        ({"repetition": 0.2}, [0.1, 0.31], ["repetition"]),
        ({"repetition": 0.2}, [0.1, 0.29], []),
        ({"repetition": 0.2, "patience": 2}, [0.1, 0.31], []),
        ({"repetition": 0.2, "patience": 2}, [0.1, 0.31, 0.2, 0.4], []),
        ({"repetition": 0.2, "patience": 2}, [0.1, 0.2, 0.31, 0.4], ["repetition"]),
        ({"repetition": 0.2}, [0.1, 0.9, 0.1], []),
        ({"distinct": 0.5}, [0.8, 0.39], ["distinct_2"]),
        ({"distinct": 0.5}, [0.8, 0.41], []),
        ({"length": 2.0}, [50.0, 101.0], ["characters"]),
        ({"length": 2.0}, [50.0, 24.0], ["characters"]),
        ({"length": 2.0}, [50.0, 26.0, 99.0], []),
        ({"false_refusal": 0.1}, [0.0, 0.11], ["false_refusal"]),
        ({"kl": 5.0}, [0.0, 5.1], ["kl"]),
        ({"kl": 5.0}, [4.0, 4.9], []),
        ({"reward": 1.0}, [0.5, -0.6], ["reward"]),
        ({"reward": 1.0}, [0.5, 3.0, -0.4], []),
        ({"unended": 0.3}, [0.1, 0.41], ["unended"]),
        ({"unended": 0.3}, [0.6, 0.61], []),
        ({"empty": 0.2}, [0.0, 0.21], ["empty"]),
        ({"deviation": 1e-4}, [1.0, 0.0], ["deviation"]),
        ({"deviation": 1e-4}, [1e-3, 2e-4], []),
        ({}, [0.1, 99.0], []),
    ],
)
def test_a_signal_is_held_against_its_first_reading(
    changed: dict[str, Any], values: list[float], signals: list[str]
) -> None:
    (name,) = [key for key in changed if key != "patience"] or ["repetition"]
    signal = {"distinct": "distinct_2", "length": "characters"}.get(name, name)
    found = beyond([{signal: value} for value in values], limits(**changed))
    assert [each.signal for each in found] == signals


def test_a_signal_that_is_read_now_and_then_waits_for_its_own_readings() -> None:
    history = [{"false_refusal": 0.0}, {"repetition": 0.0}, {"false_refusal": 0.5}, {"repetition": 0.0}]
    assert beyond(history, limits(false_refusal=0.1, patience=2)) == []
    assert beyond([*history, {"false_refusal": 0.5}], limits(false_refusal=0.1, patience=2))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1), st.integers(1, 4))
def test_a_wider_limit_and_more_patience_never_find_more(
    values: list[float], limit: float, patience: int
) -> None:
    history = [{"repetition": value} for value in values]
    found = beyond(history, limits(repetition=limit, patience=patience))
    if not found:
        assert not beyond(history, limits(repetition=1.0, patience=patience))
        assert not beyond(history, limits(repetition=limit, patience=patience + 1))


def test_refusals_are_read_on_both_sides() -> None:
    answers = [reply_to(ASKED[0], "그건 도와드릴 수 없어요.", "m"), reply_to(ASKED[1], "국수 어때요?", "m")]
    readings = readings_of(["국수 어때요?"], [*answers, reply_to(ASKED[2], "고운 말로 해 주세요.", "m")])
    assert readings["false_refusal"] == 0.5 and readings["true_refusal"] == 1.0
    assert "false_refusal" not in readings_of(["국수 어때요?"], [])


# --- what the run does about it


def guarded(models: Path, work: Workplace, chosen: GuardSettings, **changed: Any) -> Ppo:
    algorithm = make_ppo(models, updates=4, **changed)
    algorithm.rollouts.guards = Guards(chosen, work, ASKED)
    algorithm.rollouts.guarded = drawn_prompts(3)
    return algorithm


def looped(models: Path, folder: Path, chosen: GuardSettings) -> Loop:
    work = Workplace(run=folder, name="step", seed=3)
    return Loop(guarded(models, work, chosen), work, Single(), 100, {})


def guards_of(loop: Loop) -> list[dict[str, Any]]:
    return [line for line in journal_of(loop.work) if line["event"] == "guard"]


def test_nothing_that_is_learned_depends_on_the_guards(models: Path, tmp_path: Path) -> None:
    without = Trace(make_ppo(models, updates=4), tmp_path / "without")
    watched = looped(models, tmp_path / "watched", limits(every=1))
    watched.run()
    assert same_bytes(watched.optimizer.tensors(), without.tensors)
    assert [line for line in journal_of(watched.work) if line["event"] != "guard"] == without.journal
    found = guards_of(watched)
    assert [line["rollout"] for line in found] == [1, 2, 3, 4]
    assert all({"repetition", "distinct_2", "characters", "beyond"} <= line.keys() for line in found)


class Drifting(Scripted):
    """Its replies become one letter, again and again, from the third rollout on."""

    def __init__(self) -> None:
        self.calls = 0

    def generate(self, requests: Sequence[Any], on_token: Any = None) -> list[Any]:
        drawn = super().generate(requests, on_token)
        if len(requests) == len(drawn_prompts(3)):
            return drawn
        self.calls += 1
        if self.calls < 3:
            return drawn
        return [
            each._replace(ids=(97,) * 6 + (END,), logprobs=(0.0,) * 7, stop_reason="eos") for each in drawn
        ]


def drifting(models: Path, folder: Path, chosen: GuardSettings, calls: int = 0) -> Loop:
    loop = looped(models, folder, chosen)
    engine = Drifting()
    engine.calls = calls
    loop.algorithm.rollouts.engine = engine  # type: ignore[attr-defined]
    return loop


def test_a_guard_stops_the_run_and_a_wider_limit_goes_on_to_the_same_end(
    models: Path, tmp_path: Path
) -> None:
    whole = drifting(models, tmp_path / "whole", limits())
    whole.run()
    strict = limits(action="stop", distinct=0.5)
    first = drifting(models, tmp_path / "run", strict)
    with pytest.raises(QualityProblem) as stopped:
        first.run()
    assert stopped.value.exit_code == 6 and stopped.value.parameters["rollout"] == 3
    assert guards_of(first)[-1]["beyond"] == ["distinct_2"]
    (kept,) = (first.work.folder / "checkpoints").iterdir()
    assert kept.name == "update-00000009"  # four updates a rollout: the first one after the third rollout
    before = journal_of(first.work)

    again = drifting(models, tmp_path / "run", strict, calls=3)
    with pytest.raises(QualityProblem):
        again.run()
    assert journal_of(again.work) == before, "the same limits stop it at once"

    wider = drifting(models, tmp_path / "run", limits(action="stop", distinct=0.01), calls=3)
    wider.run()
    assert same_bytes(wider.optimizer.tensors(), whole.optimizer.tensors())
    strip = [{**line, "beyond": []} for line in journal_of(wider.work) if line["event"] == "guard"]
    assert strip == guards_of(whole)


class Told:
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append(code)


def test_a_warning_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    told = Told()
    work = Workplace(run=tmp_path, name="ppo", progress=told)  # type: ignore[arg-type]
    watch = Guards(limits(length=2.0), work)
    entries = [watch.entry(place, 3, ["가" * size], []) for place, size in enumerate((10, 30, 30))]
    assert told.said == ["guard-warns"] and all(entry.stops is None for entry in entries)
    assert [entry.values["beyond"] for entry in entries] == [[], ["characters"], ["characters"]]


def test_a_changed_guard_does_not_begin_the_step_anew(tmp_path: Path) -> None:
    found = []
    for changed in ((), ("ppo.guards.action=stop",), ("ppo.kl=0.07",)):
        recipe = load("demo", changed)
        step = next(each for each in recipe.steps if each.name == "ppo")
        found.append(parts_of(step, 0, dict.fromkeys((each.name for each in recipe.steps), "x")))
    assert found[0] == found[1] != found[2]
