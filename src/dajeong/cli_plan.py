"""`dajeong plan`: argv becomes a call, a plan becomes lines or JSON. Works nothing out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from dajeong.errors import UsageProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.plan import Target


def command() -> Callable[..., None]:
    def plan(
        context: typer.Context,
        recipe: Annotated[str, typer.Argument(help=text("help-run-recipe"))] = "demo",
        out: Annotated[Path | None, typer.Option(help=text("help-run-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-run-set"), metavar="A.B=VALUE")
        ] = None,
        gpu: Annotated[str, typer.Option(help=text("help-plan-gpu"), metavar="24|40|80|NAME|cpu")] = "80",
        gpus: Annotated[int, typer.Option(help=text("help-plan-gpus"), min=1)] = 1,
        parallel: Annotated[str | None, typer.Option(help=text("help-plan-parallel"), metavar="MODE")] = None,
        data: Annotated[bool, typer.Option("--data", help=text("help-plan-data"))] = False,
    ) -> None:
        from dajeong import plan as planning
        from dajeong import steps
        from dajeong.printing_plan import lines
        from dajeong.recipe import load
        from dajeong.terminal import progress_on

        session: Session = context.obj
        target = _target(gpu, gpus, parallel)
        loaded = load(recipe, set_ or (), steps.KINDS, files_required=data)
        folder = out or Path("runs") / loaded.shared.name
        if data:
            with progress_on(quiet=session.quiet) as progress:
                planning.make_data(loaded, folder, progress)
        found = planning.plan(loaded, folder, target)
        if session.json:
            print_json(found.model_dump(mode="json"))
            return
        for line in lines(found):
            print_line(line)

    return plan


def _target(gpu: str, gpus: int, parallel: str | None) -> Target:
    from dajeong.plan import Target
    from dajeong.planning.cards import Card, card_of
    from dajeong.planning.memory import Parallel

    known = get_args(Parallel)
    if parallel is not None and parallel not in known:
        raise UsageProblem("plan-parallel-unknown", parallel=parallel, known=", ".join(known))
    mode: Any = parallel or ("ddp" if gpus > 1 else None)
    if gpu == "cpu":
        return Target(Card("CPU", 0, 0, 0), "cpu", gpus, mode)
    return Target(card_of(gpu), "cuda", gpus, mode)
