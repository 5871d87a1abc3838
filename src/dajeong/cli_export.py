"""`dajeong data clean` and `dajeong data export`: argv becomes a call. Knows no filter and no format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.errors import DataProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.data.doctor.reading import Reading
    from dajeong.records import Record


def _clean() -> Callable[..., None]:
    def clean(
        context: typer.Context,
        path: Annotated[list[Path], typer.Argument(help=text("help-data-records"))],
        out: Annotated[Path, typer.Option(help=text("help-data-out"), metavar="FILE.jsonl")],
        against: Annotated[list[Path] | None, typer.Option(help=text("help-data-against"))] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        from dajeong.cli_data import settings_of
        from dajeong.data.filters import step
        from dajeong.data.filters.settings import CleanSettings
        from dajeong.one_file import OneFile
        from dajeong.storage import read_json
        from dajeong.terminal import progress_on

        settings = settings_of(CleanSettings, "clean", {}, set_ or ())
        inputs = {"data": tuple(path), "against": tuple(against or ())}
        for file in (*path, *inputs["against"]):
            _check_own(file)
        session: Session = context.obj
        with progress_on(quiet=session.quiet) as progress:
            work = OneFile(out, "clean", progress, inputs)
            step.run(settings, work)
            progress.say("data-written", out=out, beside=work.folder)
        if session.json:
            print_json(read_json(work.folder / "stats.json"))

    return clean


def _check_own(path: Path) -> None:
    """Raises DataProblem for a file that is not yet records."""
    from dajeong.data.doctor.reading import guessed

    source = guessed([path])
    if source != "dajeong":
        raise DataProblem("clean-raw", path=path, source=source)


def _export() -> Callable[..., None]:
    def export(
        context: typer.Context,
        path: Annotated[list[Path], typer.Argument(help=text("help-data-paths"))],
        shape: Annotated[str, typer.Option("--as", help=text("help-export-as"), metavar="SHAPE")],
        out: Annotated[Path, typer.Option(help=text("help-export-out"), metavar="FILE")],
        allow_licence: Annotated[
            list[str] | None, typer.Option(help=text("help-export-allow"), metavar="NAME")
        ] = None,
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
    ) -> None:
        from dajeong.data.doctor.reading import Reading
        from dajeong.export.export import export as written
        from dajeong.export.export import listed

        found = Reading(path, source).source
        left_out: Counter[str] = Counter()
        rows, unfit = written(
            lambda: _all_of(Reading(path, found), left_out), shape, out, allow_licence or ()
        )
        left_out.update(unfit)
        if context.obj.json:
            print_json({"out": str(out), "shape": shape, "rows": rows, "left_out": dict(left_out)})
        else:
            print_line(
                text("export-done", path=out, rows=rows, shape=shape, left_out=listed(left_out) or "0")
            )

    return export


def _all_of(reading: Reading, left_out: Counter[str]) -> Iterator[Record]:
    """Every record. Raises DataProblem where a row cannot be read: it would be missing silently."""
    yield from reading.records()
    left_out.clear()
    left_out.update(reading.left_out)
    if reading.unreadable:
        raise DataProblem(
            "export-unreadable",
            count=reading.unreadable,
            source=reading.source,
            place=reading.examples[0],
        )


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {"clean": _clean, "export": _export}
"""Name → what makes the command, once the language of its help is known."""
