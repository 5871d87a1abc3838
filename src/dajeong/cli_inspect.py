"""`dajeong inspect`: argv becomes a call, what was found becomes lines, JSON or a page. Counts nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.errors import UsageProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session


def command() -> Callable[..., None]:
    def inspect(
        context: typer.Context,
        recipe: Annotated[str, typer.Argument(help=text("help-run-recipe"))] = "demo",
        out: Annotated[Path | None, typer.Option(help=text("help-run-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-run-set"), metavar="A.B=VALUE")
        ] = None,
        step: Annotated[str | None, typer.Option(help=text("help-inspect-step"), metavar="STEP")] = None,
        rows: Annotated[int, typer.Option(help=text("help-inspect-rows"), min=0)] = 3,
        html: Annotated[
            Path | None, typer.Option(help=text("help-inspect-html"), metavar="FILE.html")
        ] = None,
    ) -> None:
        from dajeong import steps
        from dajeong.inspecting import inspect as inspected
        from dajeong.printing_inspection import as_json, lines
        from dajeong.recipe import load
        from dajeong.terminal import progress_on

        session: Session = context.obj
        loaded = load(recipe, set_ or (), steps.KINDS)
        folder = out or Path("runs") / loaded.shared.name
        with progress_on(quiet=session.quiet) as progress:
            found = inspected(loaded, folder, step, rows, progress)
            if not found:
                raise UsageProblem("inspect-nothing")
            if html is not None:
                from dajeong.report import inspection_page

                inspection_page.write([(each.step, each.found) for each in found if each.found], html)
                progress.say("inspect-written", path=html)
        if session.json:
            print_json(as_json(found))
            return
        for line in lines(found, recipe):
            print_line(line)

    return inspect
