"""A few of the kills of `make faults`, at places that a seed draws."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import random_kills
from random_kills import World, fates, learning_steps
from small_run import nursery_in

from dajeong.catalog import ALGORITHMS

SOME = ("sft", "reward", "ppo", "whole-sft")
"""All of them take minutes: `make faults`."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults")
    with nursery_in(folder) as nursery:
        yield World(folder, nursery, SOME)


def test_every_algorithm_has_its_share_of_the_kills() -> None:
    assert {step["use"] for step in learning_steps().values()} == {*ALGORITHMS, "base"}


def test_R01_killed_at_random_places_a_run_ends_as_if_nothing_had_happened(world: World) -> None:
    """Aimed at checkpoints that forget the second moment, and with dropout seeded by time."""
    for step, spans in world.spans.items():
        assert {"update", "checkpoint", "saving", "around"} <= {span.phase for span in spans}, step
    assert "rollout" in {span.phase for span in world.spans["ppo"]}
    found = list(fates(world, len(SOME), seed=12))
    assert [fate for fate in found if fate.differs] == []
    assert {fate.step for fate in found} == set(SOME)


def test_a_difference_would_be_seen(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    random_kills.shutil.copytree(world.whole, other)
    assert list(random_kills.differences(other, world.whole)) == []
    weights = other / "models/sft/adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with (other / "steps/ppo/journal.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "note", "time": 1}\n')
    assert list(random_kills.differences(other, world.whole)) == [
        "models/sft/adapter_model.safetensors",
        "ppo/journal.jsonl",
    ]
