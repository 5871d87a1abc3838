"""Whether prompts that are measured on were learned from, told by their messages. Knows no model.

Near copies are not counted; `clean` with `against` finds those before training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dajeong.data.clean import prompt_of
from dajeong.records import Dialogue, Message, Preference

LEARNED = "in the training data"
"""The words a reader, and the report, look for."""
TOLERATED = 0.01
"""Share of seen prompts up to which a figure still stands; what is seen is told in any case."""


def learned(prompts: Iterable[Sequence[Message]], training: Iterable[Dialogue | Preference]) -> str:
    """`7 of 80 prompts are in the training data`; nothing where none is. Each prompt counts once."""
    asked = {_said(prompt) for prompt in prompts}
    seen = len(asked & {_said(prompt_of(record)) for record in training})
    if not seen:
        return ""
    shown = "" if seen <= TOLERATED * len(asked) else ": nothing is shown"
    return f"{seen} of {len(asked)} prompts are {LEARNED}{shown}"


def is_spoiled(notes: str) -> bool:
    """Whether a figure with these notes is about so much learned text that no difference counts."""
    return f"{LEARNED}: nothing is shown" in notes


def _said(prompt: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((each.role, f"{each.content.strip()}\n{(each.context or '').strip()}") for each in prompt)
