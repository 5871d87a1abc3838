"""A service that answers anything at all: the steps end, or say that nothing was left, and never break."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from making_step import Made
from scripted_author import Author

from dajeong.data.rejects import Reject
from dajeong.errors import QualityProblem
from dajeong.records import Dialogue
from dajeong.storage import read_records
from dajeong.synthesis import evol, self_instruct
from dajeong.synthesis.instruct_settings import EvolSettings, SelfInstructSettings
from dajeong.synthesis.seeds import own_seeds
from scripted_server import Script, Server, Written, scripted

KEYS = ("tasks", "instances", "instruction", "equal", "classification", "labels", "input", "output", "?")
TEXTS = (
    "",
    " ",
    "\n",
    "{}",
    "{count}",
    "%s",
    "</글>",
    "\x00",
    "긍정",
    "네",
    "뭐 먹지?",
    "<script>alert(1)</script>",
)


def anything(draw: random.Random, depth: int = 0) -> Any:
    """A JSON value that uses the words of the real ones."""
    kind = draw.randrange(6 if depth < 3 else 4)
    if kind == 0:
        return draw.choice([None, True, False, 0, -1.5, 10**30])
    if kind in (1, 2, 3):
        return draw.choice(TEXTS) * draw.choice([1, 1, 2, 300])
    if kind == 4:
        return [anything(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(KEYS): anything(draw, depth + 1) for _ in range(draw.randrange(4))}


def hostile(prompt: str, draw: random.Random) -> str | Written | None:
    chance = draw.random()
    if chance < 0.3:
        return None  # as it should be, so that the next stage is reached
    wanted = next((key for key in KEYS if f'"{key}"' in prompt), "?")
    value = {wanted: anything(draw)} if chance < 0.8 else anything(draw)
    text = json.dumps(value, ensure_ascii=chance < 0.5)
    return Written(text[: draw.randrange(len(text) + 1)] or "…", finish="length") if chance > 0.9 else text


def settings_of(server: Server, name: str, seed: int) -> Any:
    service = server.settings(max_retries=0, max_failures_in_a_row=1_000)
    likeness = {"unit": "syllables", "least": 0.9}
    if name == "evol":
        return EvolSettings(service=service, rounds=2, similarity=likeness, seed=seed)
    return SelfInstructSettings(
        service=service, num_tasks=12, instances=2, patience=2, similarity=likeness, seed=seed
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["self-instruct", "evol"])
def test_whatever_is_answered_the_step_ends(name: str, seed: int, tmp_path: Path) -> None:
    given = {"prompts": list(own_seeds()[40:60])} if name == "evol" else {}
    run = evol.run if name == "evol" else self_instruct.run
    with scripted(Script(Author(spoil=hostile))) as server, contextlib.suppress(QualityProblem):
        Made(run, settings_of(server, name, seed), tmp_path, given)
    folder = tmp_path / "steps" / "made"
    rejects = list(read_records(folder / "rejects.jsonl", Reject))
    assert rejects and all(reject.code and reject.reason for reject in rejects)
    for output in (path for path in folder.glob("*.jsonl") if path.stem in ("prompts", "records")):
        for record in read_records(output, Dialogue):
            assert all(message.content.strip() for message in record.messages)
