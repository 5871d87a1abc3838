"""`dajeong eval quality | winrate`: models, or files of replies, judged and compared. Knows no statistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.cli_bench import Bench, bench
from dajeong.cli_grading import (
    Who,
    address_option,
    as_given_option,
    budget_option,
    dry_run_option,
    judge_option,
    out_option,
    prompts_option,
    say_price,
    scale_option,
    service_option,
    set_option,
    written,
)
from dajeong.messages import text
from dajeong.output import print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.evaluation.judged_files import Judged, Scale
    from dajeong.records import Reply, Result


def quality_command() -> Callable[..., None]:
    def quality(
        context: typer.Context,
        model_or_file: Annotated[
            list[str],
            typer.Argument(help=text("help-eval-quality-file"), metavar="MODEL|[NAME=]FILE..."),
        ],
        prompts: Annotated[list[Path] | None, prompts_option()] = None,
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
        judge: Annotated[str | None, judge_option()] = None,
        model: Annotated[str | None, service_option()] = None,
        base_url: Annotated[str | None, address_option()] = None,
        method: Annotated[str | None, typer.Option(help=text("help-grade-method"))] = None,
        rubric: Annotated[str | None, typer.Option(help=text("help-grade-rubric"))] = None,
        reference: Annotated[str | None, typer.Option(help=text("help-eval-quality-reference"))] = None,
        scale: Annotated[str, scale_option()] = "1-5",
        as_given: Annotated[bool, as_given_option()] = False,
        budget: Annotated[float | None, budget_option()] = None,
        dry_run: Annotated[bool, dry_run_option()] = False,
        out: Annotated[Path | None, out_option()] = None,
        set_: Annotated[list[str] | None, set_option()] = None,
    ) -> None:
        from dajeong.evaluation.judged_files import scale_of

        who = Who(judge, model, base_url, budget, method, rubric)
        limits, session = scale_of(scale), context.obj
        if not prompts and not who.is_named:
            judged = _read(model_or_file, limits, as_given, {})
            results = _tables(judged, reference, session)
            if out:
                _keep(judged, results, out, session)
            return
        settings = who.settings("judge", set_ or ())
        with bench(out, session) as place:
            replies = _replies(place, model_or_file, prompts, source, set_ or ())
            known = _known(replies)
            _check(reference, {reply.author for reply in known.values()})
            if dry_run:
                say_price(place, "judge", settings, who.inputs(replies), session)
                return
            work = place.run("judge", settings, who.inputs(replies))
            scores = str(work.folder / "scores.jsonl")
            results = _tables(_read([scores], limits, as_given, known), reference, session)
            place.finish(results, "judge", replies)

    return quality


def winrate_command() -> Callable[..., None]:
    def winrate(
        context: typer.Context,
        model_or_file: Annotated[
            list[str],
            typer.Argument(help=text("help-eval-winrate-file"), metavar="MODEL|FILE..."),
        ],
        prompts: Annotated[list[Path] | None, prompts_option()] = None,
        source: Annotated[str | None, typer.Option(help=text("help-data-source-guessed"))] = None,
        judge: Annotated[str | None, judge_option()] = None,
        model: Annotated[str | None, service_option()] = None,
        base_url: Annotated[str | None, address_option()] = None,
        method: Annotated[str | None, typer.Option(help=text("help-winrate-method"))] = None,
        reference: Annotated[str | None, typer.Option(help=text("help-winrate-reference"))] = None,
        budget: Annotated[float | None, budget_option()] = None,
        dry_run: Annotated[bool, dry_run_option()] = False,
        out: Annotated[Path | None, out_option()] = None,
        set_: Annotated[list[str] | None, set_option()] = None,
    ) -> None:
        from dajeong.cli_eval import show

        who, session = Who(judge, model, base_url, budget, method), context.obj
        settings = who.settings("compare", set_ or (), reference=reference)
        with bench(out, session) as place:
            replies = _replies(place, model_or_file, prompts, source, set_ or ())
            if dry_run:
                say_price(place, "compare", settings, who.inputs(replies), session)
                return
            results = place.results("compare", settings, who.inputs(replies))
            place.finish(results, "compare", replies)
        show(results, session)

    return winrate


def _replies(
    place: Bench,
    named: Sequence[str],
    prompts: Sequence[Path] | None,
    source: str | None,
    overrides: Sequence[str],
) -> list[Path]:
    """What the models answer to the prompts; without prompts, what is named are files of replies."""
    return [written(place, named, prompts, source, overrides)] if prompts else [Path(each) for each in named]


def _known(replies: Sequence[Path]) -> dict[str, Reply]:
    from dajeong.records import Reply
    from dajeong.storage import read_records

    return {reply.id: reply for path in replies for reply in read_records(path, Reply)}


def _check(reference: str | None, authors: set[str]) -> None:
    """Raises UsageProblem before anything is paid for."""
    from dajeong.errors import UsageProblem

    if reference is not None and reference not in authors:
        raise UsageProblem("judged-reference", reference=reference, known=", ".join(sorted(authors)))


def _read(files: Sequence[str], scale: Scale, as_given: bool, known: Mapping[str, Reply]) -> list[Judged]:
    from dajeong.evaluation.judged_files import read, source_of

    return [each for name in files for each in read(source_of(name), scale, as_given, known)]


def _tables(judged: Sequence[Judged], reference: str | None, session: Session) -> list[Result]:
    from dajeong.cli_eval import show
    from dajeong.evaluation import quality as tables
    from dajeong.printing import quality_notes, quality_tables

    results: list[Result] = tables.quality(judged, tables.known(judged, reference))
    if session.json:
        show(results, session)
    else:
        print_line(quality_tables(results))
        print_line(quality_notes(results))
    return results


def _keep(judged: Sequence[Judged], results: Sequence[Result], out: Path, session: Session) -> None:
    """What the step `quality` would have left in a run."""
    from dajeong.evaluation.judged_steps import keep

    with bench(out, session) as place:
        work = place.work("quality", {})
        keep(judged, work)
        work.write("results", results)
        place.finish(results)
