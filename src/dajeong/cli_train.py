"""`dajeong train KIND`: one stage of training by itself, as a recipe of one step. Knows no algorithm.

Every kind of `steps.KINDS` that brings an algorithm is a command, and each of its inputs an option.
"""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from dajeong.errors import UsageProblem
from dajeong.messages import text
from dajeong.output import print_json

if TYPE_CHECKING:
    from dajeong.recipe import Recipe
    from dajeong.steps import Input, Kind


class Kinds(TyperGroup):
    """Its commands are made when one of them is asked for: help of other commands does not wait for them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(trainable())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        kinds = trainable()
        if cmd_name not in kinds:
            nearest = difflib.get_close_matches(cmd_name, kinds, n=1, cutoff=0.0)[0]
            raise UsageProblem("command-unknown", command=f"train {cmd_name}", nearest=f"train {nearest}")
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        about, epilog = text("help-train-kind", kind=cmd_name), text("help-global")
        names = {"help_option_names": ["-h", "--help"]}
        alone.command(cmd_name, help=about, epilog=epilog, context_settings=names)(
            command(cmd_name, kinds[cmd_name])
        )
        return typer.main.get_command(alone)


def app() -> typer.Typer:
    """The commands below `dajeong train`, their help in the chosen language."""
    return typer.Typer(cls=Kinds, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


def trainable() -> dict[str, Kind]:
    """The kinds of step that learn by an algorithm of their own."""
    from dajeong.steps import KINDS

    return {name: kind for name, kind in KINDS.items() if kind.algorithm}


def command(use: str, kind: Kind) -> Callable[..., None]:
    """What the command calls; its options are the inputs of the kind, and those of every stage."""

    def train(context: typer.Context, **given: Any) -> None:
        inputs = {field: given.pop(field) for field in kind.inputs}
        _run(_recipe(use, kind, inputs, **given), given["out"] or Path("runs") / use, context.obj)

    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(_option(field, wanted) for field, wanted in kind.inputs.items()),
        *_common(),
    ]
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    train.__annotations__ = {each.name: each.annotation for each in parameters}
    return train


def _option(field: str, wanted: Input) -> inspect.Parameter:
    kind_of_value: Any = list[str] if wanted.many else str
    if wanted.optional:
        kind_of_value |= None
    one = "MODEL" if wanted.record == "Model" else "FILE.jsonl"
    about = typer.Option(
        f"--{field.replace('_', '-')}",
        help=text("help-train-input", record=wanted.record.replace("|", ", ")),
        metavar=f"{one}=WEIGHT" if wanted.mapping else one,
    )
    default = None if wanted.optional else inspect.Parameter.empty
    return _parameter(field, Annotated[kind_of_value, about], default)


def _common() -> Iterator[inspect.Parameter]:
    out = typer.Option(help=text("help-run-out"), metavar="DIR")
    settings = typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
    seed = typer.Option(help=text("help-train-seed"), min=0)
    threads = typer.Option(help=text("help-train-threads"), min=1)
    yield _parameter("out", Annotated[Path | None, out], None)
    yield _parameter("set_", Annotated[list[str] | None, settings], None)
    yield _parameter("seed", Annotated[int, seed], 0)
    yield _parameter("threads", Annotated[int | None, threads], None)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _recipe(
    use: str,
    kind: Kind,
    inputs: Mapping[str, Any],
    *,
    out: Path | None,
    set_: list[str] | None,
    seed: int,
    threads: int | None,
) -> Recipe:
    from dajeong.recipe import one_step

    given = {field: value for field, value in inputs.items() if value}
    named = {field: _written(field, value, kind.inputs[field]) for field, value in given.items()}
    # launched by torchrun or accelerate, the processes share the work
    shared = {"parallel": "ddp"} if int(os.environ.get("WORLD_SIZE", "1")) > 1 else {}
    return one_step(use, named, set_ or (), {"seed": seed, "threads": threads, **shared})


def _written(field: str, value: Any, wanted: Input) -> Any:
    return dict(_weighed(field, each) for each in value) if wanted.mapping else value


def _weighed(field: str, written: str) -> tuple[str, float]:
    """`MODEL=0.5`; the weight of a `MODEL` alone is 1."""
    name, equals, weight = written.rpartition("=")
    try:
        return (name, float(weight)) if equals else (weight, 1.0)
    except ValueError as problem:
        raise UsageProblem("train-weight", option=field, value=written) from problem


def _run(recipe: Recipe, folder: Path, session: Any) -> None:
    from dajeong import pipeline
    from dajeong.terminal import progress_on

    session.trace_file = folder / "error.txt"
    with progress_on(quiet=session.quiet) as progress:
        if pipeline.execute(recipe, folder, progress=progress, report=pipeline.REPORT) is None:
            return  # this process only helped rank 0
        progress.say("run-finished", run=folder)
    if session.json:
        print_json({"run": str(folder), "model": str(folder / "models" / recipe.steps[0].name)})
