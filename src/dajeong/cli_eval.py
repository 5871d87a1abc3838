"""`dajeong eval`: one evaluating step by itself, its figures on stdout. Knows no task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dajeong.cli_bench import bench
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
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
        show(measured("refusals", values, set_ or (), {"models": model}, out, context.obj), context.obj)

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
        show(measured("kobest", values, set_ or (), {"models": model}, out, context.obj), context.obj)

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
        from dajeong.cli_data import settings_of
        from dajeong.records import Preference
        from dajeong.steps import KINDS
        from dajeong.storage import write_records

        kind = "reward-report"
        settings = settings_of(KINDS[kind].settings, kind, {}, set_ or ())
        models = {"model": (model,)} if model else {}
        with bench(out, context.obj) as place:
            inputs = {}
            for field, paths in {"test": data, "train": train or []}.items():
                if paths:
                    pairs = place.records(paths, source, Preference, "eval-no-pairs")
                    inputs[field] = (place.folder / "steps" / kind / f"{field}.jsonl",)
                    write_records(inputs[field][0], pairs)
            results = place.results(kind, settings, inputs, models)
            place.finish(results)
        show(results, context.obj)

    return reward


def _quality() -> Callable[..., None]:
    from dajeong.cli_quality import quality_command

    return quality_command()


def _winrate() -> Callable[..., None]:
    from dajeong.cli_quality import winrate_command

    return winrate_command()


COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    "quality": _quality,
    "winrate": _winrate,
    "reward": _reward,
    "refusal": _refusal,
    "kobest": _kobest,
}
"""Name → what makes the command, once the language of its help is known."""


def measured(
    kind: str,
    values: Mapping[str, Any],
    overrides: Sequence[str],
    models: Mapping[str, Sequence[str]],
    out: Path | None,
    session: Session,
) -> list[Result]:
    """The results of one step on `models`; what else it writes stays in `out`, or nowhere."""
    from dajeong.cli_data import settings_of
    from dajeong.steps import KINDS

    settings = settings_of(KINDS[kind].settings, kind, values, overrides)
    with bench(out, session) as place:
        results = place.results(kind, settings, {}, models)
        place.finish(results)
        return results


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
