"""Reward hacking: what moves while the reward rises, what is only shown, and when nothing is said."""

import random

import pytest
from invented_run import guards, rollouts

from dajeong.report.hacking import hacking, shift, suspicious, watched
from dajeong.report.read import Stage


def page(*journal: dict[str, object]) -> str:
    return hacking([Stage("ppo", "ppo", done=True, journal=journal)])


def test_rollouts_and_guards_are_one_reading() -> None:
    found = {each.name: each for each in watched([*guards(30), *rollouts(30)])}
    assert list(found) == [
        "reward", "kl", "length", "repetition", "distinct_2", "false_refusal", "true_refusal"
    ]  # fmt: skip
    assert len(found["repetition"].points) == 30 and len(found["false_refusal"].points) == 15
    assert found["repetition"].points[0] == (1, pytest.approx(0.01), pytest.approx(2 / 30 - 0.5))
    assert found["repetition"].past == 26 and found["kl"].past is None


def test_a_reading_written_twice_counts_once() -> None:
    twice = [*rollouts(10), *({**entry, "kl": 9.0} for entry in rollouts(10))]
    kl = next(each for each in watched(twice) if each.name == "kl")
    assert [value for _, value, _ in kl.points] == [9.0] * 10


def test_a_shift_is_welchs_interval() -> None:
    from scipy.stats import ttest_ind

    values = [random.Random(7).gauss(0, 1) + place / 20 for place in range(41)]
    expected = ttest_ind(values[-10:], values[:10], equal_var=False).confidence_interval(0.95)
    found = shift(values)
    assert found and (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert shift(values[:7]) is None
    flat = shift([0.5] * 8)
    assert flat and (flat.low, flat.high, flat.direction) == (0, 0, 0)


@pytest.mark.parametrize(
    ("signal", "up", "down"),
    [
        ("repetition", True, False),
        ("distinct_2", False, True),
        ("length", True, True),
        ("false_refusal", True, False),
        ("true_refusal", False, False),
        ("kl", False, False),
        ("reward", False, False),
    ],
)
def test_what_counts_as_a_sign(signal: str, up: bool, down: bool) -> None:
    rises, falls = shift([0.0] * 4 + [1.0] * 4), shift([1.0] * 4 + [0.0] * 4)
    assert rises and falls
    assert suspicious(signal, rises, reward=rises) is up and suspicious(signal, falls, reward=rises) is down
    assert not suspicious(signal, rises, reward=falls)


def test_the_page_says_what_moved() -> None:
    said = page(*rollouts(30), *guards(30))
    assert "While the reward rose, these moved away" in said and "past its limit at rollout 26" in said
    assert said.count("moved away as the reward rose") == 2  # the length fell, repetition grew
    assert said.count("<svg") == 6 and said.count("4/4</span>") == 6


def test_without_a_rise_or_with_too_little_nothing_is_claimed() -> None:
    flat = [{**entry, "reward": 0.1} for entry in rollouts(30)]
    assert "not shown to have risen" in page(*flat, *guards(30))
    assert "Fewer than 8 rollouts" in page(*rollouts(7))
    steady = [{**entry, "length": 18.0} for entry in rollouts(30)]
    assert "does not prove" in page(*steady)


def test_other_steps_and_odd_entries_have_no_page() -> None:
    assert page({"event": "update", "update": 1}, {"event": "rollout", "rollout": "x"}, {}) == ""
    odd = {"event": "guard", "rollout": 3, "beyond": "x", "repetition": float("nan")}
    assert page(odd, {"event": "rollout", "rollout": 1, "kl": True}) == ""
