"""The named parts: six explicit dicts, the whole extension surface.

Sources and templates are looked up by rooms below, so their tables stand there; the others are
`module:attribute`, and nothing of them is imported before it is loaded. To add a part: a function or class in
its room and one line in its table; what is tested of one part of a table is tested of all.
"""

from __future__ import annotations

import importlib
from typing import Any

from dajeong.data.sources import SOURCES as SOURCES
from dajeong.steps import KINDS
from dajeong.templates import TEMPLATES as TEMPLATES

ALGORITHMS: dict[str, str] = {name: kind.algorithm for name, kind in KINDS.items() if kind.algorithm}
"""What the training loop runs (`training.algorithm.Algorithm`). Its line is the one of its kind of step."""

TASKS: dict[str, str] = {
    "smalltalk": "dajeong.evaluation.smalltalk:evaluate",
    "reward": "dajeong.evaluation.reward_report:report",
    "kobest": "dajeong.evaluation.kobest:measure",
    "refusal": "dajeong.evaluation.refusals:measure",
}
"""What a model is measured on."""

ENGINES: dict[str, str] = {
    "native": "dajeong.rollout.native:NativeEngine",
}
"""What writes replies (`rollout.engine.Engine`)."""

SCORERS: dict[str, str] = {
    "rules": "dajeong.judging.rules:RuleScorer",
    "refusal": "dajeong.judging.refusal:RefusalScorer",
    "reward-model": "dajeong.judging.reward_model:RewardScorer",
    "classifier": "dajeong.judging.classifier:ClassifierScorer",
    "geval": "dajeong.judging.geval_local:LocalJudge",
}
"""What gives a reply its scores (`judging.scorer.Scorer`)."""


def load(entry: str) -> Any:
    """The part behind `module:attribute`."""
    module, _, attribute = entry.partition(":")
    return getattr(importlib.import_module(module), attribute)
