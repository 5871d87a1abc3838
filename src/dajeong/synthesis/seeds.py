"""The seed tasks that come along: native Korean, written for this project, under its own licence.

Everyday talk, advice, requests, questions, classification, and firm but kind answers to mild abuse; users
speak 존댓말 or 반말, answers 해요체. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from dajeong.data.reserved import refuse_reserved
from dajeong.errors import DataProblem
from dajeong.records import Dialogue
from dajeong.workplace import Workplace

CLASSIFICATION = "classification"
"""The kind whose answer is one of a few labels; `meta.labels` of its seeds lists them."""


@cache
def own_seeds() -> tuple[Dialogue, ...]:
    text = files("dajeong.synthesis").joinpath("seed_tasks.jsonl").read_text(encoding="utf-8")
    return tuple(Dialogue.model_validate(json.loads(line)) for line in text.splitlines())


def seeds_by_kind(work: Workplace, kinds: Sequence[str]) -> dict[str, list[Dialogue]]:
    """The step's own `seeds`, or those that come along. Raises DataProblem for a kind that has none."""
    given = work.records("seeds", Dialogue) or list(own_seeds())
    refuse_reserved(given, work.name)
    found = {kind: [seed for seed in given if seed.kind == kind and _is_task(seed)] for kind in kinds}
    empty = [kind for kind, seeds in found.items() if not seeds]
    if empty:
        known = ", ".join(sorted({seed.kind for seed in given}))
        raise DataProblem("seeds-missing", step=work.name, kinds=", ".join(empty), known=known)
    return found


def labels_of(seed: Dialogue) -> list[str]:
    """The labels of a classification seed; none for the others."""
    return [str(label) for label in seed.meta.get("labels", ())]


def _is_task(seed: Dialogue) -> bool:
    """One request and one answer: what an example in a prompt can show."""
    return [message.role for message in seed.messages] == ["user", "assistant"]
