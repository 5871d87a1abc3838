"""`dajeong data self-instruct | evol | respond | translate`: a making step by itself. Knows no prompt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dajeong.errors import UsageProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session

INPUTS = {"self-instruct": "seeds", "evol": "prompts", "respond": "prompts", "translate": "data"}
"""Kind of step → its input, which the command's files are."""


def _making(use: str) -> Callable[..., None]:
    def making(
        context: typer.Context,
        out: Annotated[Path, typer.Option(help=text("help-data-out"), metavar="FILE.jsonl")],
        model: Annotated[str, typer.Option(help=text("help-making-model"))],
        path: Annotated[list[Path] | None, typer.Argument(help=text("help-making-files"))] = None,
        base_url: Annotated[
            str | None, typer.Option(help=text("help-making-base-url"), metavar="URL")
        ] = None,
        budget: Annotated[
            float | None, typer.Option(help=text("help-run-budget"), min=0, metavar="DOLLARS")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=text("help-making-dry-run"))] = False,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        from dajeong.cli_data import settings_of
        from dajeong.steps import KINDS

        given = {"model": model, "base_url": base_url, "budget": budget}
        service = {"service": {name: value for name, value in given.items() if value is not None}}
        values = {"services": {"service": service}} if use == "respond" else service
        settings: Any = settings_of(KINDS[use].settings, use, values, set_ or ())
        if use == "respond":  # its author is called as the model is, whose name may hold a dot
            authors = {model if name == "service" else name: each for name, each in settings.services.items()}
            settings = settings.model_copy(update={"services": authors})
        if not path and not KINDS[use].inputs[INPUTS[use]].optional:
            raise UsageProblem("making-no-files", command=use)
        inputs = {INPUTS[use]: tuple(path)} if path else {}
        _run(use, settings, out, inputs, dry_run, context.obj)

    return making


def _run(
    use: str, settings: Any, out: Path, inputs: dict[str, tuple[Path, ...]], dry_run: bool, session: Session
) -> None:
    from dajeong.catalog import load
    from dajeong.one_file import OneFile
    from dajeong.printing import estimate_lines
    from dajeong.steps import KINDS
    from dajeong.storage import read_json
    from dajeong.terminal import progress_on
    from dajeong.workplace import signals_noted

    kind = KINDS[use]
    with progress_on(quiet=session.quiet) as progress, signals_noted():
        main = "records" if "records" in kind.outputs else "replies"
        work = OneFile(out, use, progress, dict(inputs), main)
        if dry_run:
            estimate = load(str(kind.estimate))(settings, work)
            if session.json:
                print_json(estimate.model_dump(mode="json"))
            for line in [] if session.json else estimate_lines({use: estimate}):
                print_line(line)
            return
        load(kind.run)(settings, work)
        progress.say("data-written", out=out, beside=work.folder)
    if session.json:
        print_json(read_json(work.folder / "stats.json"))


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {use: partial(_making, use) for use in INPUTS}
"""Name → what makes the command, once the language of its help is known."""
