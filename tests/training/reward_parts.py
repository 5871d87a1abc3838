"""Preferences, SFT answers and a workplace for the step `reward`: what its tests share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from small_training import CPU, optimizer

from dajeong.progress import Quiet
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.storage import write_records
from dajeong.training.settings import RewardSettings
from dajeong.workplace import Workplace

SYLLABLES = "가나다라마바사아자차"


class Heard(Quiet):
    """Keeps what a step says to people."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append((code, parameters))

    def codes(self) -> list[str]:
        return [code for code, _ in self.said]


def asked(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def words(draw: random.Random, shortest: int = 1, longest: int = 6) -> str:
    return "".join(draw.choices(SYLLABLES, k=draw.randint(shortest, longest)))


def preference(name: str, *texts: str, **fields: Any) -> Preference:
    """Best first, unless `ranking` says otherwise; its prompt is its name, unless `prompt` says otherwise."""
    given = {"prompt": asked(f"질문 {name}"), "ranking": tuple((place,) for place in range(len(texts)))}
    responses = fields.pop("responses", tuple(Response(content=text) for text in texts))
    return Preference(id=name, responses=responses, **(given | fields))


def preferences(count: int = 12, seed: int = 0, prefix: str = "p") -> list[Preference]:
    draw = random.Random(f"preferences {seed}")
    return [preference(f"{prefix}{number}", words(draw) + "!", words(draw)) for number in range(count)]


def talks(count: int = 8) -> list[Dialogue]:
    draw = random.Random("talks")
    return [
        Dialogue(
            id=f"t{number}",
            messages=(*asked(words(draw)), Message(role="assistant", content=words(draw, 2, 9))),
        )
        for number in range(count)
    ]


def reward_settings(**changed: Any) -> RewardSettings:
    values: dict[str, Any] = {
        "updates": 3,
        "tokens_per_update": 300,
        "max_tokens": 100,
        "normalise_rows": 6,
        "optimizer": optimizer(),
        "runtime": CPU,
    }
    return RewardSettings(**(values | changed))


def workplace(
    folder: Path,
    model: Path | str,
    data: Sequence[Preference],
    validation: Sequence[Preference] = (),
    normalise: Sequence[Dialogue] | None = None,
) -> Workplace:
    """A run folder in which the step `reward` can begin."""
    given: dict[str, Sequence[Any]] = {"data": data, "normalise": talks() if normalise is None else normalise}
    if validation:
        given["validation"] = validation
    inputs: dict[str, tuple[Path | str, ...]] = {"model": (model,)}
    for name, records in given.items():
        write_records(folder / "inputs" / f"{name}.jsonl", records)
        inputs[name] = (folder / "inputs" / f"{name}.jsonl",)
    return Workplace(run=folder, name="reward", seed=3, inputs=inputs, progress=Heard())
