"""`dajeong doctor`: what this machine has and what recipes lack, as lines or JSON. Looks at nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.machine import Check
    from dajeong.readiness import Readiness

SIGNS = {"fine": "✓", "missing": "✕", "note": "–"}


def command() -> Callable[..., None]:
    def doctor(
        context: typer.Context,
        out: Annotated[Path, typer.Option(help=text("help-doctor-out"), metavar="DIR")] = Path("runs"),
    ) -> None:
        from dajeong.machine import machine
        from dajeong.readiness import readiness

        session: Session = context.obj
        checks, recipes = machine(out), readiness(out)
        if session.json:
            print_json(
                {
                    "machine": [each.model_dump(mode="json") for each in checks],
                    "recipes": [each.model_dump(mode="json") for each in recipes],
                }
            )
            return
        for line in (*map(_check, checks), "", *map(_recipe, recipes)):
            print_line(line)

    return doctor


def _check(check: Check) -> str:
    advice = f"  →  {check.advice}" if check.advice else ""
    return f"{SIGNS[check.state]} {text(f'machine-{check.code}', value=check.value)}{advice}"


def _recipe(found: Readiness) -> str:
    if not found.lacks:
        return f"{SIGNS['fine']} {text('machine-recipe-ready', recipe=found.recipe, model=found.model)}"
    lacks = "".join(f"\n    {each}" for each in found.lacks)
    return f"{SIGNS['note']} {text('machine-recipe-lacks', recipe=found.recipe)}{lacks}"
