"""The named parts: six explicit dicts, the whole extension surface. Nothing is imported before it is loaded.

To add a part: its function or class in its room, one line here; its conformance suite then runs by itself.
"""

from __future__ import annotations

import importlib
from typing import Any

from dajeong.templates import TEMPLATES as TEMPLATES

SOURCES: dict[str, str] = {}
"""Raw formats that the step `read` understands."""

ALGORITHMS: dict[str, str] = {
    "sft": "dajeong.training.sft:Sft",
    "reward": "dajeong.training.reward:Reward",
    "ppo": "dajeong.training.ppo:Ppo",
}
"""What the training loop can run."""

TASKS: dict[str, str] = {}
"""What a model can be measured on."""

ENGINES: dict[str, str] = {
    "native": "dajeong.rollout.native:NativeEngine",
}
"""What can write replies."""

SCORERS: dict[str, str] = {}
"""What can give a reply a score."""


def load(entry: str) -> Any:
    """The part behind `module:attribute`."""
    module, _, attribute = entry.partition(":")
    return getattr(importlib.import_module(module), attribute)
