"""`dajeong judge`: scores of a judge beside people's, its figures on stdout. Knows no statistic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dajeong.messages import text


def command() -> Callable[..., None]:
    def judge(
        context: typer.Context,
        file: Annotated[str, typer.Argument(help=text("help-judge-file"), metavar="FILE")],
        against: Annotated[list[Path], typer.Option(help=text("help-judge-against"), metavar="FILE")],
        replies: Annotated[
            list[Path] | None, typer.Option(help=text("help-judge-replies"), metavar="FILE.jsonl")
        ] = None,
        scale: Annotated[str, typer.Option(help=text("help-eval-quality-scale"), metavar="LOW-HIGH")] = "1-5",
        as_given: Annotated[
            bool, typer.Option("--as-given", help=text("help-eval-quality-as-given"))
        ] = False,
    ) -> None:
        from dajeong.cli_eval import show
        from dajeong.evaluation.judged_files import Source, read, scale_of, source_of
        from dajeong.evaluation.meta_evaluation import meta_evaluation
        from dajeong.records import Reply
        from dajeong.storage import read_records

        known = {reply.id: reply for path in replies or () for reply in read_records(path, Reply)}
        own, limits = source_of(file), scale_of(scale)
        judged = read(own, limits, as_given, known)
        humans = [
            each._replace(rater=each.rater or path.stem)
            for path in against
            for each in read(Source(path, path.stem, ""), limits, as_given, known)
        ]
        show(meta_evaluation(own.model, judged, humans), context.obj)

    return judge
