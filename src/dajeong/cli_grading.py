"""`dajeong eval judge`: files of replies graded, or compared in pairs; figures on stdout. Knows no rubric."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.records import Result


def command() -> Callable[..., None]:
    """The command, once the language of its help is known."""

    def judge(
        context: typer.Context,
        file: Annotated[list[Path], typer.Argument(help=text("help-grade-file"), metavar="FILE.jsonl...")],
        judge: Annotated[str | None, typer.Option(help=text("help-grade-judge"), metavar="RUN|MODEL")] = None,
        model: Annotated[str | None, typer.Option(help=text("help-grade-model"))] = None,
        base_url: Annotated[
            str | None, typer.Option(help=text("help-making-base-url"), metavar="URL")
        ] = None,
        method: Annotated[str | None, typer.Option(help=text("help-grade-method"))] = None,
        rubric: Annotated[str | None, typer.Option(help=text("help-grade-rubric"))] = None,
        pairs: Annotated[bool, typer.Option("--pairs", help=text("help-grade-pairs"))] = False,
        budget: Annotated[
            float | None, typer.Option(help=text("help-run-budget"), min=0, metavar="DOLLARS")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=text("help-making-dry-run"))] = False,
        out: Annotated[Path | None, typer.Option(help=text("help-eval-out"), metavar="DIR")] = None,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help=text("help-data-set"), metavar="A.B=VALUE")
        ] = None,
    ) -> None:
        from dajeong.cli_data import settings_of
        from dajeong.cli_eval import show
        from dajeong.steps import KINDS

        use = "compare" if pairs else "judge"
        service = _given(model=model, base_url=base_url, budget=budget)
        values = _given(method=method, rubric=rubric, service=service or None)
        settings = settings_of(KINDS[use].settings, use, values, set_ or ())
        inputs: dict[str, tuple[Path | str, ...]] = {"replies": tuple(file)}
        if judge:
            inputs["judge"] = (judge,)
        results = _graded(use, settings, inputs, out, dry_run, context.obj)
        if results is not None:
            show(results, context.obj)

    return judge


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _graded(
    use: str,
    settings: Any,
    inputs: dict[str, tuple[Path | str, ...]],
    out: Path | None,
    dry_run: bool,
    session: Session,
) -> list[Result] | None:
    """The step's results; or its price on stdout."""
    import tempfile
    from contextlib import ExitStack

    from dajeong.catalog import load
    from dajeong.printing import estimate_lines
    from dajeong.records import Result
    from dajeong.steps import KINDS
    from dajeong.storage import read_records
    from dajeong.terminal import progress_on
    from dajeong.workplace import Workplace, signals_noted

    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        progress = stack.enter_context(progress_on(quiet=session.quiet))
        work = Workplace(folder, use, inputs=inputs, progress=progress)
        if dry_run:
            estimate = load(str(KINDS[use].estimate))(settings, work)
            if session.json:
                print_json(estimate.model_dump(mode="json"))
            for line in [] if session.json else estimate_lines({use: estimate}):
                print_line(line)
            return None
        stack.enter_context(signals_noted())
        load(KINDS[use].run)(settings, work)
        return list(read_records(work.folder / "results.jsonl", Result))
