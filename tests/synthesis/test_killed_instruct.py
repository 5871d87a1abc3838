"""Self- and Evol-Instruct killed at five points, without a warning: the same bytes, nothing paid twice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import pytest
from making_step import left_behind, run_until, workplace
from pydantic import BaseModel
from scripted_author import Author

from dajeong.catalog import load
from dajeong.records import Dialogue
from dajeong.synthesis.instruct_settings import EvolSettings, SelfInstructSettings
from dajeong.synthesis.seeds import own_seeds
from scripted_server import Script, Server, scripted

CONCURRENCY = 4
SYLLABLES = {"unit": "syllables"}


class Step(NamedTuple):
    function: str
    settings: type[BaseModel]
    options: dict[str, object]
    given: dict[str, list[Dialogue]]


STEPS = {
    "self-instruct": Step(
        "dajeong.synthesis.self_instruct:run",
        SelfInstructSettings,
        {"similarity": SYLLABLES, "num_tasks": 40, "requests_per_round": 4},
        {"seeds": list(own_seeds())},
    ),
    "evol": Step(
        "dajeong.synthesis.evol:run",
        EvolSettings,
        {"similarity": {**SYLLABLES, "least": 0.95}, "rounds": 2},
        {"prompts": [seed for seed in own_seeds() if seed.kind == "question"]},
    ),
}


def settings_of(step: Step, server: Server) -> BaseModel:
    return step.settings(service=server.settings(concurrency=CONCURRENCY), **step.options)


@pytest.mark.parametrize("name", STEPS)
def test_killed_at_five_points_and_resumed_is_as_uninterrupted(name: str, tmp_path: Path) -> None:
    step = STEPS[name]
    with scripted(Script(Author())) as server:
        load(step.function)(settings_of(step, server), workplace(tmp_path / "whole", step.given))
        num_whole = len(server.charged)
    with scripted(Script(Author())) as server:
        workplace(tmp_path / "killed", step.given)
        settings = settings_of(step, server)
        for point in sorted(random.Random(5).sample(range(1, num_whole - CONCURRENCY), 5)):
            run_until(server, step.function, settings, tmp_path / "killed", max(point, len(server.calls) + 1))
        run_until(server, step.function, settings, tmp_path / "killed", None)
        assert len(server.charged) <= num_whole + 5 * CONCURRENCY
    assert left_behind(tmp_path / "killed") == left_behind(tmp_path / "whole")
