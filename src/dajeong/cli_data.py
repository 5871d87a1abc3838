"""`dajeong data`: argv becomes a call, a command a function. Knows no format and no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dajeong import cli_export, cli_making
from dajeong.errors import DataProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dajeong.cli import Session
    from dajeong.data.doctor.finding import Diagnosis

M = TypeVar("M", bound="BaseModel")

SET_METAVAR = "A.B=VALUE"


def app() -> typer.Typer:
    """The commands below `dajeong data`, their help in the chosen language."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    help_names = {"help_option_names": ["-h", "--help"]}
    for name, command in COMMANDS.items():
        about, epilog = text(f"help-data-{name}"), text("help-global")
        group.command(name, help=about, epilog=epilog, context_settings=help_names)(command())
    return group


def _read() -> Callable[..., None]:
    def read(
        context: typer.Context,
        source: Annotated[str, typer.Argument(help=text("help-data-source"))],
        out: Annotated[Path, typer.Option(help=text("help-data-out"), metavar="FILE.jsonl")],
        path: Annotated[list[str] | None, typer.Argument(help=text("help-data-paths"))] = None,
        kind: Annotated[str | None, typer.Option(help=text("help-data-kind"))] = None,
        licence: Annotated[str | None, typer.Option(help=text("help-data-licence"))] = None,
        max_records: Annotated[int | None, typer.Option(help=text("help-data-max"), min=1)] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar=SET_METAVAR)
        ] = None,
    ) -> None:
        from dajeong.data import read as reading
        from dajeong.data.settings import ReadSettings
        from dajeong.data.sources import find_source
        from dajeong.one_file import OneFile
        from dajeong.storage import read_json
        from dajeong.terminal import progress_on

        find_source(source)
        given = {"kind": kind, "licence": licence, "max_records": max_records}
        given = {name: value for name, value in given.items() if value is not None}
        values = {"source": source, **({"path": list(path)} if path else {}), **given}
        settings = settings_of(ReadSettings, "read", values, set_ or ())
        session: Session = context.obj
        with progress_on(quiet=session.quiet) as progress:
            work = OneFile(out, "read", progress)
            reading.run(settings, work)
            progress.say("data-written", out=out, beside=work.folder)
        if session.json:
            print_json(read_json(work.folder / "stats.json"))

    return read


def _stats() -> Callable[..., None]:
    def stats(
        context: typer.Context,
        path: Annotated[list[Path], typer.Argument(help=text("help-data-paths"))],
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
    ) -> None:
        from dajeong.data.doctor.examine import profiled
        from dajeong.printing_data import profile_table

        profile = profiled(path, source)
        if context.obj.json:
            print_json(profile.model_dump(mode="json"))
        else:
            print_line(profile_table(profile))

    return stats


def _doctor() -> Callable[..., None]:
    def doctor(
        context: typer.Context,
        path: Annotated[list[Path], typer.Argument(help=text("help-data-paths"))],
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
        html: Annotated[Path | None, typer.Option(help=text("help-data-html"), metavar="FILE.html")] = None,
        allow: Annotated[list[str] | None, typer.Option(help=text("help-data-allow"), metavar="CODE")] = None,
    ) -> None:
        from dajeong.data.doctor.examine import examine
        from dajeong.printing_data import diagnosis_as_json, diagnosis_table

        diagnosis = examine(path, source, tuple(allow or ()))
        if html is not None:
            from dajeong.report import doctor_page

            doctor_page.write(diagnosis, html)
        if context.obj.json:
            print_json(diagnosis_as_json(diagnosis))
        else:
            print_line(diagnosis_table(diagnosis))
        _refuse(diagnosis)

    return doctor


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    "read": _read,
    "stats": _stats,
    "doctor": _doctor,
    **cli_export.COMMANDS,
    **cli_making.COMMANDS,
}
"""Name → what makes the command, once the language of its help is known."""


def _refuse(diagnosis: Diagnosis) -> None:
    """Raises DataProblem where something found keeps the files from being learned from."""
    if diagnosis.blocking:
        files = ", ".join(diagnosis.profile.files)
        way = " ".join(f"--allow {code}" for code in diagnosis.blocking)
        raise DataProblem("doctor-blocked", files=files, codes=", ".join(diagnosis.blocking), way=way)


def settings_of(model: type[M], step: str, values: Mapping[str, Any], overrides: Sequence[str]) -> M:
    """The settings of one step, `--set` on top, checked as those of a recipe are."""
    from dajeong.recipe_source import Source
    from dajeong.settings_reader import read_settings

    written = Source({"steps": {step: dict(values)}}, {})
    for override in overrides:
        written.override(f"{step}.{override}", ())
    return read_settings(model, written.tree["steps"][step], written.where, ("steps", step))
