"""The command line: argv becomes a call, an error becomes one message and an exit code.

Nothing heavy is imported before a command needs it, so help comes at once. Results go to stdout, progress
and messages to stderr. Knows no training and no data.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from dajeong.errors import DajeongError, EnvironmentProblem, UsageProblem
from dajeong.messages import Language, choose_language, text
from dajeong.output import flush, print_json, print_line

if TYPE_CHECKING:
    from dajeong.records import Result


@dataclass
class Session:
    """One call: the options every command understands, and where its run keeps the traceback of a failure."""

    lang: Language | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False
    trace_file: Path | None = None


FLAGS = {"--json": "json", "--quiet": "quiet", "-q": "quiet", "--debug": "debug"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    session = Session()
    _make_streams_safe()
    try:
        rest = _taken_out(list(sys.argv[1:] if arguments is None else arguments), session)
        choose_language(session.lang)
        code = _called(rest, session)
    except KeyboardInterrupt:
        code = 130
    except Exception as problem:
        code = _explained(problem, session)
    flush()
    return code


def _taken_out(arguments: list[str], session: Session) -> list[str]:
    """Set the global options, wherever they stand before `--`; returns the other arguments."""
    rest: list[str] = []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--":
            return [*rest, argument, *arguments]
        if argument.startswith("--local_rank="):
            continue  # the launcher `deepspeed` puts it first; the environment says the same
        if argument in FLAGS:
            setattr(session, FLAGS[argument], True)
        elif argument == "--lang" or argument.startswith("--lang="):
            session.lang = _language(argument.partition("=")[2] or (arguments.pop(0) if arguments else "-"))
        else:
            rest.append(argument)
    return rest


def _language(value: str) -> Language:
    known = get_args(Language)
    if value not in known:
        raise UsageProblem("language-unknown", language=value, known=", ".join(known))
    return cast("Language", value)


def _called(rest: list[str], session: Session) -> int:
    command = next((argument for argument in rest if not argument.startswith("-")), None)
    known = [*COMMANDS, *GROUPS]
    if command is not None and command not in known:
        raise UsageProblem("command-unknown", command=command, nearest=_nearest(command, known))
    returned = _app()(args=rest or ["--help"], standalone_mode=False, prog_name="dajeong", obj=session)
    return returned if isinstance(returned, int) else 0


def _nearest(word: str, known: list[str]) -> str:
    import difflib

    return difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]


def _app() -> typer.Typer:
    """The commands, their help in the chosen language."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    help_names = {"help_option_names": ["-h", "--help"]}

    @app.callback(help=text("help-dajeong"), context_settings=help_names, invoke_without_command=True)
    def dajeong(
        version: Annotated[bool, typer.Option("--version", help=text("help-version"))] = False,
        # taken out of argv before; here only so that they are in the help
        lang: Annotated[str | None, typer.Option(help=text("help-lang"), metavar="ko|en")] = None,
        json: Annotated[bool, typer.Option("--json", help=text("help-json"))] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help=text("help-quiet"))] = False,
        debug: Annotated[bool, typer.Option("--debug", help=text("help-debug"))] = False,
    ) -> None:
        if version:
            from importlib.metadata import version as version_of

            print_line(f"dajeong {version_of('dajeong')}")

    for name, command in COMMANDS.items():
        about, epilog = text(f"help-{name}"), text("help-global")
        app.command(name, help=about, epilog=epilog, context_settings=help_names)(command())
    for name, group in GROUPS.items():
        app.add_typer(group(), name=name, help=text(f"help-{name}"), context_settings=help_names)
    return app


def _run() -> Callable[..., None]:
    def run(
        context: typer.Context,
        recipe: Annotated[str, typer.Argument(help=text("help-run-recipe"))] = "demo",
        out: Annotated[Path | None, typer.Option(help=text("help-run-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-run-set"), metavar="A.B=VALUE")
        ] = None,
        until: Annotated[str | None, typer.Option(help=text("help-run-until"), metavar="STEP")] = None,
        force: Annotated[list[str] | None, typer.Option(help=text("help-run-force"), metavar="STEP")] = None,
        budget: Annotated[
            float | None, typer.Option(help=text("help-run-budget"), min=0, metavar="DOLLARS")
        ] = None,
        track: Annotated[
            list[str] | None, typer.Option(help=text("help-run-track"), metavar="TRACKER")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=text("help-run-dry-run"))] = False,
        explain: Annotated[bool, typer.Option("--explain", help=text("help-run-explain"))] = False,
    ) -> None:
        from dajeong import costs, pipeline, steps
        from dajeong.recipe import load
        from dajeong.terminal import progress_on

        session: Session = context.obj
        tracking = [f"tracking=[{', '.join(track)}]"] if track else []
        loaded = load(recipe, [*(set_ or ()), *tracking], steps.KINDS)
        if budget is not None:
            loaded = costs.with_budget(loaded, budget)
        folder = out or Path("runs") / loaded.shared.name
        wish = pipeline.Wish(until, tuple(force or ()), explain)
        if dry_run:
            decisions = pipeline.plan(loaded, folder, wish)
            _print_plan(decisions, costs.estimates(loaded, folder, decisions), explain, session.json)
            return
        session.trace_file = folder / "error.txt"
        with progress_on(quiet=session.quiet) as progress:
            results = pipeline.execute(loaded, folder, wish, progress, pipeline.REPORT)
            if results is None:
                return  # this process only helped rank 0
            progress.say("run-finished", run=folder)
            if (folder / "models").is_dir():
                progress.say("run-talk", run=folder)
        _print_results(results, session.json)

    return run


def _chat() -> Callable[..., None]:
    def chat(
        model: Annotated[str, typer.Argument(help=text("help-chat-model"), metavar="RUN|MODEL")],
        temperature: Annotated[float | None, typer.Option(help=text("help-chat-temperature"), min=0)] = None,
        max_new_tokens: Annotated[int | None, typer.Option(help=text("help-chat-tokens"), min=1)] = None,
        seed: Annotated[int, typer.Option(help=text("help-chat-seed"))] = 0,
    ) -> None:
        from dajeong.models.load import load_chat
        from dajeong.serving.terminal import CHAT_DECODING
        from dajeong.serving.terminal import chat as talk

        wanted = {"temperature": temperature, "max_new_tokens": max_new_tokens}
        given = {name: value for name, value in wanted.items() if value is not None}
        talk(load_chat(model), CHAT_DECODING.model_copy(update=given), seed)

    return chat


def _schema() -> Callable[..., None]:
    def schema() -> None:
        from dajeong import steps
        from dajeong.schema import recipe_schema

        print_json(recipe_schema(steps.KINDS))

    return schema


def _judge() -> Callable[..., None]:
    from dajeong.cli_judge import command

    return command()


def _inspect() -> Callable[..., None]:
    from dajeong.cli_inspect import command

    return command()


def _export() -> Callable[..., None]:
    from dajeong.cli_export_model import command

    return command()


def _plan() -> Callable[..., None]:
    from dajeong.cli_plan import command

    return command()


def _doctor() -> Callable[..., None]:
    from dajeong.cli_doctor import command

    return command()


def _serve() -> Callable[..., None]:
    from dajeong.cli_serve import command

    return command()


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    "run": _run,
    "inspect": _inspect,
    "plan": _plan,
    "doctor": _doctor,
    "judge": _judge,
    "chat": _chat,
    "serve": _serve,
    "export": _export,
    "schema": _schema,
}
"""Name → what makes the command, once the language of its help is known."""


def _data() -> typer.Typer:
    from dajeong.cli_data import app

    return app()


def _eval() -> typer.Typer:
    from dajeong.cli_eval import app

    return app()


def _train() -> typer.Typer:
    from dajeong.cli_train import app

    return app()


def _label() -> typer.Typer:
    from dajeong.cli_label import app

    return app()


GROUPS: dict[str, Callable[[], typer.Typer]] = {
    "data": _data,
    "label": _label,
    "eval": _eval,
    "train": _train,
}
"""Name → what makes the commands below it."""


def _print_plan(
    decisions: Sequence[Any], estimates: Mapping[str, Any], every_reason: bool, as_json: bool
) -> None:
    from dajeong.printing import estimate_lines, steps_as_json, steps_table

    if as_json:
        print_json(steps_as_json(decisions, estimates))
        return
    print_line(steps_table(decisions, every_reason))
    for line in estimate_lines(estimates):
        print_line(line)


def _print_results(results: Sequence[Result], as_json: bool) -> None:
    from dajeong.printing import headline, results_table

    if as_json:
        print_json([result.model_dump(mode="json") for result in results])
    elif results:
        print_line(results_table(headline(results)))


def _make_streams_safe() -> None:
    """Hangul on a terminal that cannot show it becomes question marks, never a failure."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _explained(problem: Exception, session: Session) -> int:
    """Say what went wrong, to people; returns the exit code."""
    if session.debug:
        traceback.print_exception(problem)
    known = _as_known(problem)
    _complain(str(known) if known else _unexpected(problem, session.trace_file))
    return known.exit_code if known else 1


def _as_known(problem: Exception) -> DajeongError | None:
    """The problem as one of ours, where the system or the parser of options raised it."""
    if isinstance(problem, DajeongError):
        return problem
    if hasattr(
        problem, "format_message"
    ):  # typer's and click's usage errors, wherever their versions keep them
        return _usage_problem(problem)
    if isinstance(problem, OSError):
        from dajeong.storage import disk_problem

        return disk_problem(problem, problem.filename or "-")
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError":
        return EnvironmentProblem("memory-out")
    return None


def _usage_problem(problem: Any) -> UsageProblem:
    possibilities = getattr(problem, "possibilities", None)
    if hasattr(problem, "option_name") and possibilities is not None:
        known = ", ".join(possibilities) or "--help"
        return UsageProblem("option-unknown", option=problem.option_name, nearest=known)
    return UsageProblem("usage", problem=problem.format_message())


def _unexpected(problem: Exception, kept: Path | None) -> str:
    described = {"kind": type(problem).__name__, "problem": str(problem) or "-"}
    if kept is not None and kept.is_file():
        return text("unexpected-kept", **described, path=kept)
    return text("unexpected", **described)


def _complain(line: str) -> None:
    try:
        print(f"dajeong: {line}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(main())
