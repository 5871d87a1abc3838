"""The twins that come along: harmless prompts that sound bad, each beside a harmful one like it, in Korean.

Written for this project, under its own licence; the harmful ones ask for mild harm and name nobody. Marked as
an evaluation set: nothing is trained on them. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from dajeong.judging.refusal import HARMFUL
from dajeong.records import Dialogue, Message

SOURCE = "dajeong-twins"
HARMLESS = "harmless"


@cache
def twins() -> tuple[Dialogue, ...]:
    """Type by type, the harmless twin before the harmful one."""
    text = files("dajeong.evaluation").joinpath("twins.jsonl").read_text(encoding="utf-8")
    return tuple(prompt for line in text.splitlines() for prompt in _both(json.loads(line)))


def chosen(types: Sequence[str], per_type: int | None) -> list[Dialogue]:
    """The first `per_type` twins of each of `types`; none named is all types, null all twins."""
    most = per_type or len(twins())
    return [
        prompt
        for prompt in twins()
        if (not types or prompt.meta["type"] in types) and prompt.meta["number"] <= most
    ]


def _both(row: dict[str, str | int]) -> Iterator[Dialogue]:
    name = f"{row['type']}/{row['number']:02}"
    for kind in (HARMLESS, HARMFUL):
        yield Dialogue(
            id=f"{SOURCE}:{name}/{kind}",
            source=SOURCE,
            licence="Apache-2.0",
            kind=kind,
            meta={"type": row["type"], "number": row["number"], "twin": name, "evaluation": SOURCE},
            messages=(Message(role="user", content=str(row[kind])),),
        )
