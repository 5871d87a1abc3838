"""`dajeong label`: the page on which people choose the better answer, and what their votes come to.

`dajeong label FILE` is `dajeong label page FILE`. Knows no vote and no statistic.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.serving.label_desk import Desk

DEFAULT = "page"


class PageByDefault(TyperGroup):
    """A group whose first word need not be a command."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = [DEFAULT, *args]
        return super().parse_args(context, args)


def app() -> typer.Typer:
    """The commands below `dajeong label`, their help in the chosen language."""
    group = typer.Typer(cls=PageByDefault, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    help_names = {"help_option_names": ["-h", "--help"]}
    for name, command in COMMANDS.items():
        about, epilog = text(f"help-label-{name}"), text("help-global")
        group.command(name, help=about, epilog=epilog, context_settings=help_names)(command())
    return group


def _what() -> Any:
    return typer.Argument(help=text("help-label-what"), metavar="FILE|RUN")


def _labels() -> Any:
    return typer.Option(help=text("help-label-labels"), metavar="DIR")


def _page() -> Callable[..., None]:
    def page(
        context: typer.Context,
        what: Annotated[Path, _what()],
        labels: Annotated[Path | None, _labels()] = None,
        host: Annotated[str, typer.Option(help=text("help-label-host"))] = "127.0.0.1",
        port: Annotated[int, typer.Option(help=text("help-label-port"), min=0, max=65535)] = 8601,
        author: Annotated[list[str] | None, typer.Option(help=text("help-label-author"))] = None,
        gold: Annotated[list[Path] | None, typer.Option(help=text("help-label-gold"), metavar="FILE")] = None,
        judge: Annotated[
            list[Path] | None, typer.Option(help=text("help-label-judge"), metavar="FILE")
        ] = None,
        seed: Annotated[int | None, typer.Option(help=text("help-label-seed"))] = None,
        overlap: Annotated[float | None, typer.Option(help=text("help-label-overlap"), min=0, max=1)] = None,
        per_item: Annotated[int | None, typer.Option(help=text("help-label-per-item"), min=1)] = None,
        repeats: Annotated[float | None, typer.Option(help=text("help-label-repeats"), min=0, max=1)] = None,
        goal: Annotated[int | None, typer.Option(help=text("help-label-goal"), min=1)] = None,
        show_judge: Annotated[bool | None, typer.Option(help=text("help-label-show-judge"))] = None,
    ) -> None:
        given = {
            "seed": seed,
            "overlap": overlap,
            "per_item": per_item,
            "repeats": repeats,
            "goal": goal,
            "show_judge": show_judge,
        }
        plan = {name: value for name, value in given.items() if value is not None}
        for package in ("fastapi", "uvicorn"):
            if importlib.util.find_spec(package) is None:
                raise EnvironmentProblem("extra-missing", needed_for=package, extra="serve")
        from dajeong.serving.label_folder import folder_of

        folder = folder_of(what, labels)
        with contextlib.ExitStack() as stack:
            desk = _desk(stack, what, folder, plan, author or (), gold or (), judge or ())
            _serve(desk, folder, what.stem, host, port, context.obj)

    return page


def _desk(
    stack: contextlib.ExitStack,
    what: Path,
    folder: Path,
    plan: dict[str, Any],
    authors: Sequence[str],
    gold: Sequence[Path],
    judges: Sequence[Path],
) -> Desk:
    """The folder is this process's until the stack is left."""
    from dajeong.lock import locked
    from dajeong.serving.label_desk import Desk
    from dajeong.serving.label_folder import check_there, opened, planned
    from dajeong.serving.label_store import Store

    check_there(what, folder)
    stack.enter_context(locked(folder))
    items = opened(what, folder, authors, gold, judges)
    desk = Desk(items, planned(folder, plan), Store(folder))
    stack.callback(desk.close)
    return desk


def _serve(desk: Desk, folder: Path, title: str, host: str, port: int, session: Session) -> None:
    from dajeong.serving.label_api import label_app
    from dajeong.serving.label_server import address, guarded, key_for, serve
    from dajeong.serving.listening import listen
    from dajeong.storage import digest_bytes
    from dajeong.terminal import progress_on

    key = key_for(host)
    place = digest_bytes(str(folder.resolve()).encode("utf-8", "surrogateescape"))[:12]
    with listen(host, port, key) as listener, progress_on(quiet=session.quiet) as progress:
        _say_healed(desk, progress)
        progress.say("label-open", items=len(desk.items), folder=folder)
        where = address(listener, key)
        if session.json:
            print_json({"address": where, "items": len(desk.items), "folder": str(folder)})
        else:
            print_line(where)
        serve(guarded(label_app(desk, title, place), host, key), listener)


def _say_healed(desk: Desk, progress: Any) -> None:
    healed = desk.healed
    if healed.damaged:
        progress.say("label-damaged", aside=healed.damaged, count=healed.into_database)
    elif healed.into_database or healed.into_copy:
        progress.say("label-healed", count=healed.into_database + healed.into_copy)


def _agreement() -> Callable[..., None]:
    def agreement(
        context: typer.Context,
        what: Annotated[Path, _what()],
        labels: Annotated[Path | None, _labels()] = None,
    ) -> None:
        from dajeong.cli_eval import show
        from dajeong.serving.label_figures import figures
        from dajeong.serving.label_folder import folder_of, read

        show(figures(*read(folder_of(what, labels))), context.obj)

    return agreement


def _export() -> Callable[..., None]:
    def export(
        context: typer.Context,
        what: Annotated[Path, _what()],
        out: Annotated[Path, typer.Option(help=text("help-label-out"), metavar="FILE")],
        labels: Annotated[Path | None, _labels()] = None,
        ties: Annotated[str, typer.Option(help=text("help-label-ties"), metavar="drop|keep")] = "drop",
        both_bad: Annotated[str, typer.Option(help=text("help-label-both-bad"), metavar="drop|tie")] = "drop",
        pairs: Annotated[bool, typer.Option("--pairs", help=text("help-label-pairs"))] = False,
        votes: Annotated[bool, typer.Option("--votes", help=text("help-label-votes"))] = False,
        force: Annotated[bool, typer.Option("--force", help=text("help-label-force"))] = False,
    ) -> None:
        from dajeong.cli_data import settings_of
        from dajeong.serving.label_export import Policy, as_csv, as_lines, preferences, raw
        from dajeong.serving.label_folder import folder_of, read
        from dajeong.storage import write_records, write_text
        from dajeong.terminal import progress_on

        if out.exists() and not force:
            raise UsageProblem("label-out-exists", out=out)
        items, given = read(folder_of(what, labels))
        session: Session = context.obj
        if votes:
            rows = list(raw(items, given))
            write_text(out, as_csv(rows) if out.suffix == ".csv" else as_lines(rows))
            told = {"votes": len(rows)}
        else:
            policy = settings_of(Policy, "label", {"ties": ties, "both_bad": both_bad, "pairs": pairs}, ())
            records, counts = preferences(items, given, policy)
            write_records(out, records)
            told = {"records": len(records), **counts}
        with progress_on(quiet=session.quiet) as progress:
            progress.say("label-exported", out=out, counts=", ".join(f"{k} {v}" for k, v in told.items()))
        if session.json:
            print_json(told)

    return export


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    DEFAULT: _page,
    "agreement": _agreement,
    "export": _export,
}
"""Name → what makes the command, once the language of its help is known."""
