"""A process that has loaded everything once and forks a fresh one for every run: a chain costs its work, not
its imports.

    python nursery.py       one job a line on stdin, its end on stdout

A job is `{"arguments", "out", "err", "points", "signal", "times", "page", "calls"}`: the command line is
called with `arguments`; `page` says whether the report is drawn, which takes as long as all the rest.
`points` are [`module:attribute`, n] in turn: at the n-th call of the first the second is watched, and so on;
at the n-th call of the last the process sends itself `signal`, `times` times, before the call does anything.
`calls` says what is done with the calls of a step, see calls.py.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import calls

Point = tuple[str, int]

NEEDED = (
    "dajeong.cli",
    "dajeong.data.smalltalk",
    "dajeong.evaluation.reward_report",
    "dajeong.evaluation.smalltalk",
    "dajeong.models.load",
    "dajeong.preference.pairs",
    "dajeong.report.page",
    "dajeong.rollout.replies",
    "dajeong.terminal",
    "dajeong.training.base",
    "dajeong.training.ppo",
    "dajeong.training.reward",
    "matplotlib.backends.backend_svg",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "transformers.convert_slow_tokenizer",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.encoder_decoder",
    "transformers.models.gpt_neox.modeling_gpt_neox",
)


def watch(points: Sequence[Point], number: int, times: int) -> None:
    """Count the calls of the first point; its last is the moment for the next point, or for the signal."""
    (target, left), *rest = points
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    original = getattr(owner, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and rest:
            watch(rest, number, times)
        elif left == 0:
            for _ in range(times):
                os.kill(os.getpid(), number)
        return original(*arguments, **options)

    setattr(owner, name, counted)


def born(job: dict[str, Any]) -> int:
    """In the new process: its streams are files; returns the exit code."""
    from dajeong import pipeline
    from dajeong.cli import main

    for name, descriptor in (("out", 1), ("err", 2)):
        file = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, descriptor)
    if not job["page"]:
        pipeline.REPORT = None
    if job["points"]:
        watch(job["points"], job["signal"], job["times"])
    if job["calls"]:
        calls.listen(**job["calls"])
    return main(job["arguments"])


def serve() -> None:
    from dajeong.steps import KINDS

    learning = {kind.run.partition(":")[0] for kind in KINDS.values() if kind.algorithm}
    for name in (*NEEDED, *sorted(learning)):
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(born(job))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
