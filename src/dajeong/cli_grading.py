"""What the commands that judge have in common: who judges, and on which replies. Knows no rubric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from dajeong.cli_bench import Bench
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.records import Frozen

REPLIES = "replies."
"""Before `--set` of the step that writes the replies; all others are the judging step's."""
DRAWS = {"per_prompt": 1, "decoding": {"temperature": 0.8}}
"""One reply a prompt, as in `evaluate`."""


def judge_option() -> Any:
    return typer.Option(help=text("help-grade-judge"), metavar="RUN|MODEL")


def service_option() -> Any:
    return typer.Option(help=text("help-grade-model"))


def address_option() -> Any:
    return typer.Option(help=text("help-making-base-url"), metavar="URL")


def budget_option() -> Any:
    return typer.Option(help=text("help-run-budget"), min=0, metavar="DOLLARS")


def dry_run_option() -> Any:
    return typer.Option("--dry-run", help=text("help-making-dry-run"))


def out_option() -> Any:
    return typer.Option(help=text("help-eval-out"), metavar="DIR")


def set_option() -> Any:
    return typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")


def scale_option() -> Any:
    return typer.Option(help=text("help-eval-quality-scale"), metavar="LOW-HIGH")


def as_given_option() -> Any:
    return typer.Option("--as-given", help=text("help-eval-quality-as-given"))


def prompts_option() -> Any:
    return typer.Option(help=text("help-grade-prompts"), metavar="FILE|DIR")


class Who(NamedTuple):
    """Who judges and how, as the command line says it."""

    judge: str | None
    """A local model."""
    model: str | None
    """A service's."""
    base_url: str | None = None
    budget: float | None = None
    method: str | None = None
    rubric: str | None = None

    @property
    def is_named(self) -> bool:
        return bool(self.judge or self.model)

    def settings(self, use: str, overrides: Sequence[str], **more: Any) -> Frozen:
        """Those of the step `judge` or `compare`, checked as a recipe's."""
        from dajeong.cli_data import settings_of
        from dajeong.steps import KINDS

        service = _given(model=self.model, base_url=self.base_url, budget=self.budget)
        values = _given(method=self.method, rubric=self.rubric, service=service or None, **more)
        own = [each for each in overrides if not each.startswith(REPLIES)]
        return settings_of(KINDS[use].settings, use, values, own)

    def inputs(self, replies: Sequence[Path]) -> dict[str, tuple[Path | str, ...]]:
        return {"replies": tuple(replies)} | ({"judge": (self.judge,)} if self.judge else {})


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def written(
    bench: Bench, models: Sequence[str], prompts: Sequence[Path], source: str | None, overrides: Sequence[str]
) -> Path:
    """What the models reply, one reply a prompt; what was saved before a kill is not drawn again."""
    from dajeong.cli_data import settings_of
    from dajeong.data.mixture_entries import as_prompt
    from dajeong.records import Dialogue
    from dajeong.rollout.settings import RepliesSettings
    from dajeong.storage import write_records

    asked = {each.id: each for each in bench.records(prompts, source, Dialogue, "eval-no-prompts")}
    file = bench.folder / "steps" / "replies" / "prompts.jsonl"
    write_records(file, map(as_prompt, asked.values()))
    own = [each.removeprefix(REPLIES) for each in overrides if each.startswith(REPLIES)]
    settings = settings_of(RepliesSettings, "replies", DRAWS, own)
    work = bench.run("replies", settings, {"prompts": (file,)}, {"models": models})
    return work.folder / "replies.jsonl"


def say_price(
    bench: Bench, use: str, settings: Frozen, inputs: dict[str, tuple[Path | str, ...]], session: Session
) -> None:
    """What judging will cost, on stdout; nothing is sent."""
    from dajeong.catalog import load
    from dajeong.printing import estimate_lines
    from dajeong.steps import KINDS

    estimate = load(str(KINDS[use].estimate))(settings, bench.work(use, inputs))
    if session.json:
        print_json(estimate.model_dump(mode="json"))
    for line in [] if session.json else estimate_lines({use: estimate}):
        print_line(line)
