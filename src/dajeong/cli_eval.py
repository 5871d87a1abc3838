"""`dajeong eval`: one evaluating step by itself, its figures on stdout. Knows no task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.progress import Progress
    from dajeong.records import Result


def app() -> typer.Typer:
    """The commands below `dajeong eval`, their help in the chosen language."""
    group = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
    help_names = {"help_option_names": ["-h", "--help"]}
    for name, command in COMMANDS.items():
        about, epilog = text(f"help-eval-{name}"), text("help-global")
        group.command(name, help=about, epilog=epilog, context_settings=help_names)(command())
    return group


def _refusal() -> Callable[..., None]:
    def refusal(
        context: typer.Context,
        model: Annotated[list[str], typer.Argument(help=text("help-eval-model"), metavar="RUN|MODEL...")],
        twins: Annotated[int | None, typer.Option(help=text("help-eval-refusal-twins"), min=1)] = None,
        out: Annotated[Path | None, typer.Option(help=text("help-eval-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        values = {} if twins is None else {"num_twins": twins}
        show(measured("refusals", values, set_ or (), model, out, context.obj), context.obj)

    return refusal


def _kobest() -> Callable[..., None]:
    def kobest(
        context: typer.Context,
        model: Annotated[list[str], typer.Argument(help=text("help-eval-model"), metavar="RUN|MODEL...")],
        data: Annotated[Path, typer.Option(help=text("help-eval-kobest-data"), metavar="DIR|FILE")],
        profile: Annotated[str | None, typer.Option(help=text("help-eval-profile"))] = None,
        shots: Annotated[list[int] | None, typer.Option(help=text("help-eval-shots"))] = None,
        out: Annotated[Path | None, typer.Option(help=text("help-eval-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        given = {"data": str(data), "profile": profile, "shots": shots}
        values = {name: value for name, value in given.items() if value is not None}
        show(measured("kobest", values, set_ or (), model, out, context.obj), context.obj)

    return kobest


def _reward() -> Callable[..., None]:
    def reward(
        context: typer.Context,
        data: Annotated[list[Path], typer.Option(help=text("help-eval-reward-data"), metavar="FILE|DIR")],
        model: Annotated[
            str | None, typer.Argument(help=text("help-eval-reward-model"), metavar="[MODEL]")
        ] = None,
        train: Annotated[
            list[Path] | None, typer.Option(help=text("help-eval-reward-train"), metavar="FILE|DIR")
        ] = None,
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
        out: Annotated[Path | None, typer.Option(help=text("help-eval-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        raw = {"test": data, "train": train or []}
        models = {"model": (model,)} if model else {}
        show(stepped("reward-report", {}, set_ or (), models, out, context.obj, raw, source), context.obj)

    return reward


def _quality() -> Callable[..., None]:
    def quality(
        context: typer.Context,
        file: Annotated[
            list[str], typer.Argument(help=text("help-eval-quality-file"), metavar="[MODEL[/KIND]=]FILE...")
        ],
        reference: Annotated[str | None, typer.Option(help=text("help-eval-quality-reference"))] = None,
        scale: Annotated[str, typer.Option(help=text("help-eval-quality-scale"), metavar="LOW-HIGH")] = "1-5",
        as_given: Annotated[
            bool, typer.Option("--as-given", help=text("help-eval-quality-as-given"))
        ] = False,
    ) -> None:
        from dajeong.evaluation import quality as tables
        from dajeong.evaluation.judged_files import read, scale_of, source_of
        from dajeong.printing import quality_notes, quality_tables

        judged = [each for name in file for each in read(source_of(name), scale_of(scale), as_given)]
        results = tables.quality(judged, tables.known(judged, reference))
        if context.obj.json:
            show(results, context.obj)
        else:
            print_line(quality_tables(results))
            print_line(quality_notes(results))

    return quality


def _judge() -> Callable[..., None]:
    from dajeong.cli_grading import command

    return command()


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    "judge": _judge,
    "reward": _reward,
    "quality": _quality,
    "refusal": _refusal,
    "kobest": _kobest,
}
"""Name → what makes the command, once the language of its help is known."""


def measured(
    kind: str,
    values: Mapping[str, Any],
    overrides: Sequence[str],
    models: Sequence[str],
    out: Path | None,
    session: Session,
) -> list[Result]:
    """The results of one step on `models`; what else it writes stays in `out`, or nowhere."""
    return stepped(kind, values, overrides, {"models": tuple(models)}, out, session)


def stepped(
    kind: str,
    values: Mapping[str, Any],
    overrides: Sequence[str],
    models: Mapping[str, tuple[str, ...]],
    out: Path | None,
    session: Session,
    raw: Mapping[str, Sequence[Path]] | None = None,
    source: str | None = None,
) -> list[Result]:
    """The same of any step: its inputs are models, and `raw` files of pairs, whatever their source."""
    import tempfile

    from dajeong import catalog, steps
    from dajeong.cli_data import settings_of
    from dajeong.records import Result
    from dajeong.storage import read_records
    from dajeong.terminal import progress_on
    from dajeong.workplace import Workplace, signals_noted

    settings = settings_of(steps.KINDS[kind].settings, kind, values, overrides)
    run = catalog.load(steps.KINDS[kind].run)
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        progress = stack.enter_context(progress_on(quiet=session.quiet))
        pairs = {
            field: (pairs_of(paths, source, folder / "steps" / kind / f"{field}.jsonl", progress),)
            for field, paths in (raw or {}).items()
            if paths
        }
        names = {field: names_of(references) for field, references in models.items()}
        work = Workplace(folder, kind, inputs={**models, **pairs}, model_names=names, progress=progress)
        stack.enter_context(signals_noted())
        run(settings, work)
        return list(read_records(work.folder / "results.jsonl", Result))


def pairs_of(paths: Sequence[Path], source: str | None, out: Path, progress: Progress) -> Path:
    """The preferences in files of any known source, as records. Raises DataProblem where there is none."""
    from dajeong.data.doctor.reading import Reading
    from dajeong.errors import DataProblem
    from dajeong.records import Preference
    from dajeong.storage import write_records

    reading = Reading(paths, source)
    if not write_records(out, (each for each in reading.records() if isinstance(each, Preference))):
        raise DataProblem("eval-no-pairs", path=paths[0], source=reading.source)
    if reading.unreadable:
        progress.say(
            "eval-unreadable", path=paths[0], count=reading.unreadable, places=", ".join(reading.examples)
        )
    return out


def names_of(models: Sequence[str]) -> tuple[str, ...]:
    """The last part of each reference, or the whole where two would be called the same."""
    short = [Path(model).resolve().name if Path(model).exists() else model for model in models]
    return tuple(short if len(set(short)) == len(short) else models)


def show(results: Sequence[Result], session: Session) -> None:
    """A table, and below it what the rows remark; or everything as JSON."""
    from dajeong.printing import results_table

    if session.json:
        print_json([result.model_dump(mode="json") for result in results])
        return
    print_line(results_table(results))
    for result in results:
        if result.notes:
            who = ", ".join(filter(None, [result.model, result.decoding, result.task]))
            print_line(f"{who}: {result.notes}")
