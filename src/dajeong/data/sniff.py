"""Which source a raw row looks like, told from its keys. Reads nothing; used to suggest, never to decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHAPES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (source, frozenset(keys.split()))
    for source, keys in (
        ("nikl", "id document"),
        ("aihub-ethics", "id sentences"),
        ("aihub-ethics", "talksets"),
        ("vaiv-scores", "prompt response1 sum1 response2 sum2"),
        ("dajeong", "id prompt responses ranking"),
        ("vaiv-preference", "id id2 prompt chosen rejected"),
        ("preference", "chosen rejected"),
        ("sharegpt", "conversations"),
        ("messages", "messages"),
        ("self-instruct", "instruction instances is_classification"),
        ("kullm", "motivation_app instruction"),
        ("dolly", "instruction context response"),
        ("evol-seeds", "idx Skill Instruction"),
        ("trl", "prompt completion"),
        ("gpt4all", "prompt response"),
        ("koalpaca", "instruction output url"),
        ("alpaca", "instruction output"),
        ("alpaca", "instruction instances"),
        ("evol", "input output"),
        ("vaiv-prompts", "id3 prompt"),
        ("vaiv-prompts", "prompt"),
        ("kobest", "context choice1 label"),
        ("kobest", "Text Question Answer"),
        ("kobest", "sentence question Answer"),
        ("kobest", "Target SENTENCE1 SENTENCE2"),
    )
)
"""Keys a row of the source has; the first that fits is named."""


def likely_source(row: Mapping[str, Any]) -> str | None:
    """The source whose keys the row has; None where none fits."""
    text = row.get("text")
    if isinstance(text, str) and text.lstrip().startswith("### 질문:"):
        return "koalpaca"
    marked = row.get("prompt", row.get("chosen"))
    if "chosen" in row and isinstance(marked, str) and marked.lstrip().startswith("Human:"):
        return "rlhf-reward"
    return next((source for source, keys in _SHAPES if keys <= row.keys()), None)
