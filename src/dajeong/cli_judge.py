"""`dajeong judge`: replies graded or compared in pairs, and a judge's scores beside people's.

Without `--against` the files are replies. With it they are scores; or replies, where a judge is named that
shall grade them first. Knows no rubric and no statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.cli_bench import bench
from dajeong.cli_grading import (
    Who,
    address_option,
    as_given_option,
    budget_option,
    dry_run_option,
    judge_option,
    out_option,
    say_price,
    scale_option,
    service_option,
    set_option,
)
from dajeong.messages import text

if TYPE_CHECKING:
    from dajeong.records import Result


def command() -> Callable[..., None]:
    """The command, once the language of its help is known."""

    def judge(
        context: typer.Context,
        file: Annotated[list[str], typer.Argument(help=text("help-judge-file"), metavar="FILE...")],
        judge: Annotated[str | None, judge_option()] = None,
        model: Annotated[str | None, service_option()] = None,
        base_url: Annotated[str | None, address_option()] = None,
        method: Annotated[str | None, typer.Option(help=text("help-grade-method"))] = None,
        rubric: Annotated[str | None, typer.Option(help=text("help-grade-rubric"))] = None,
        pairs: Annotated[bool, typer.Option("--pairs", help=text("help-grade-pairs"))] = False,
        against: Annotated[
            list[Path] | None, typer.Option(help=text("help-judge-against"), metavar="FILE")
        ] = None,
        replies: Annotated[
            list[Path] | None, typer.Option(help=text("help-judge-replies"), metavar="FILE.jsonl")
        ] = None,
        scale: Annotated[str, scale_option()] = "1-5",
        as_given: Annotated[bool, as_given_option()] = False,
        budget: Annotated[float | None, budget_option()] = None,
        dry_run: Annotated[bool, dry_run_option()] = False,
        out: Annotated[Path | None, out_option()] = None,
        set_: Annotated[list[str] | None, set_option()] = None,
    ) -> None:
        from dajeong.cli_eval import show
        from dajeong.errors import UsageProblem

        if pairs and against:
            raise UsageProblem("judge-pairs-against")
        if against and not (judge or model):
            show(_beside(file, against, replies or (), scale, as_given), context.obj)
            return
        use, who = "compare" if pairs else "judge", Who(judge, model, base_url, budget, method, rubric)
        settings, graded = who.settings(use, set_ or ()), [Path(each) for each in file]
        with bench(out, context.obj) as place:
            if dry_run:
                say_price(place, use, settings, who.inputs(graded), context.obj)
                return
            results = place.results(use, settings, who.inputs(graded))
            if against:
                scores = place.folder / "steps" / use / "scores.jsonl"
                judged = [f"{judge or model}={scores}"]
                results += _beside(judged, against, [*graded, *(replies or ())], scale, as_given)
            place.finish(results, use, graded)
        show(results, context.obj)

    return judge


def _beside(
    files: Sequence[str], against: Sequence[Path], replies: Sequence[Path], scale: str, as_given: bool
) -> list[Result]:
    """Scores as tables or records, ours and theirs; several files of ours are one judge's."""
    from dajeong.evaluation.judged_files import Source, read, scale_of, source_of
    from dajeong.evaluation.meta_evaluation import meta_evaluation
    from dajeong.records import Reply
    from dajeong.storage import read_records

    known = {reply.id: reply for path in replies for reply in read_records(path, Reply)}
    own, limits = [source_of(file) for file in files], scale_of(scale)
    judged = [each for source in own for each in read(source, limits, as_given, known)]
    humans = [
        each._replace(rater=each.rater or path.stem)
        for path in against
        for each in read(Source(path, path.stem, ""), limits, as_given, known)
    ]
    return meta_evaluation(own[0].model, judged, humans)
