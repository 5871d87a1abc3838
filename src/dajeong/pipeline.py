"""Runs the steps of a recipe in one folder and skips what is done.

A step is done when its manifest, written last, has today's fingerprint and its outputs are what they were. A
step killed midway with the same fingerprint keeps its folder and goes on from its checkpoint; with another it
is refused where there is a checkpoint to lose. Any other is cleared first. Knows no settings and no record
but `Result`.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dajeong.catalog import load
from dajeong.errors import DajeongError, EnvironmentProblem, Stopped, UsageProblem
from dajeong.fingerprint import Reason
from dajeong.ledger import Decision, Ledger
from dajeong.lock import locked
from dajeong.messages import text
from dajeong.progress import Progress, Quiet
from dajeong.recipe import Recipe, Step
from dajeong.records import Result
from dajeong.run_folder import StepFolder, sweep_run
from dajeong.settings_reader import unknown_key
from dajeong.storage import read_records, write_json, write_text
from dajeong.surroundings import use_threads, versions
from dajeong.team import Team, team
from dajeong.tracking.follow import following
from dajeong.workplace import signals_noted

REPORT = "dajeong.report.page:write"


class Wish(NamedTuple):
    """What the caller asks beyond the recipe."""

    until: str | None = None
    """Only this step and those it needs."""
    force: tuple[str, ...] = ()
    """These steps run even if they are done."""
    explain: bool = False
    """Say the reason of every step."""


ALL = Wish()


def plan(recipe: Recipe, run: Path, wish: Wish = ALL) -> list[Decision]:
    """What `execute` would do now, without touching the disk."""
    ledger = Ledger(recipe, run, wish.force)
    decisions: dict[str, Decision] = {}
    for step in chosen(recipe, wish):
        decision = ledger.decide(step)
        again = [name for name in step.waits_for if decisions[name].action != "done"]
        if decision.action == "done" and again:
            decision = Decision(step, "wait", (Reason("why-after", {"step": again[0]}),))
        decisions[step.name] = decision
    return list(decisions.values())


def chosen(recipe: Recipe, wish: Wish) -> list[Step]:
    """The steps asked for, in running order. Raises UsageProblem for a name that is no step."""
    names = [step.name for step in recipe.steps]
    for option, name in (("--until", wish.until), *(("--force", name) for name in wish.force)):
        if name is not None and name not in names:
            raise unknown_key(name, names, option)
    if wish.until is None:
        return list(recipe.steps)
    needed = {wish.until}
    for step in reversed(recipe.steps):
        if step.name in needed:
            needed |= set(step.waits_for)
    return [step for step in recipe.steps if step.name in needed]


def execute(
    recipe: Recipe,
    run: Path,
    wish: Wish = ALL,
    progress: Progress | None = None,
    report: str | None = REPORT,
) -> list[Result] | None:
    """Run what is not done; returns every result in step order, None where this process only helps another.

    `report` names what writes the page.
    """
    steps = chosen(recipe, wish)
    together = team()
    with together.as_one():
        if together.rank > 0:
            _help(recipe, run, together)
            return None
        return _lead(recipe, steps, run, wish, progress or Quiet(), report, together)


def _lead(
    recipe: Recipe,
    steps: list[Step],
    run: Path,
    wish: Wish,
    progress: Progress,
    report: str | None,
    together: Team,
) -> list[Result]:
    """What rank 0 does, or the only process there is."""
    with locked(run), signals_noted(), _traceback_kept(run / "error.txt"):
        sweep_run(run)
        write_text(run / "recipe.yaml", recipe.resolved())
        ledger = Ledger(recipe, run, wish.force)
        for step in steps:
            _refuse_loss(step, ledger)  # now, not when hours before it are done
        with following(recipe.shared.tracking, run, recipe.shared.name, progress):
            worked = _run_steps(recipe, steps, ledger, wish, progress, together)
        together.told(None)
        results = [result for step in recipe.steps for result in _results_of(step, ledger)]
        write_json(run / "results.json", [result.model_dump(mode="json") for result in results])
        if report and (worked or not (run / "report.html").is_file()):
            load(report)(run)
        return results


def _help(recipe: Recipe, run: Path, together: Team) -> None:
    """Join every step that rank 0 calls for, until it says that there is none left."""
    ledger = Ledger(recipe, run)
    with signals_noted():
        while (name := together.told(None)) is not None:
            step = ledger.steps[name]
            if not StepFolder(run, name).started():
                raise EnvironmentProblem("run-not-shared", run=run.absolute())
            use_threads(recipe.shared.threads)
            load(step.kind.run)(step.settings, ledger.workplace(step, Quiet()))


def _is_shared(step: Step) -> bool:
    """Whether all processes of the run work on the step."""
    return getattr(step.settings, "parallel", "single") != "single"


def _run_steps(
    recipe: Recipe, steps: list[Step], ledger: Ledger, wish: Wish, progress: Progress, together: Team
) -> bool:
    """Whether any step ran."""
    worked = False
    for number, step in enumerate(steps, start=1):
        _refuse_loss(step, ledger)
        decision = ledger.decide(step)
        label = step.name if step.name == step.use else f"{step.name} ({step.use})"
        place: dict[str, object] = {"index": number, "of": len(steps), "step": label}
        _announce(decision, place, wish, progress)
        if decision.action != "done":
            worked = True
            began = time.monotonic()
            _run_step(decision, ledger, recipe.shared.threads, progress, together)
            progress.say("step-done", **place, seconds=f"{time.monotonic() - began:.1f}")
    return worked


def _refuse_loss(step: Step, ledger: Ledger) -> None:
    """Raises UsageProblem where a step that stopped midway would begin anew and nobody asked for it."""
    checkpoint = StepFolder(ledger.run, step.name).half_done()
    if not checkpoint or step.name in ledger.force:
        return
    decision = ledger.decide(step)
    if decision.action != "resume":
        reasons = "; ".join(text(reason.code, **reason.parameters) for reason in decision.reasons)
        raise UsageProblem("unfinished-changed", step=step.name, checkpoint=checkpoint, reasons=reasons)


def _announce(decision: Decision, place: dict[str, object], wish: Wish, progress: Progress) -> None:
    """Name the step; why it runs is said when asked, and whenever finished work is done again."""
    if decision.action == "done":
        progress.say("step-skipped", **place)
    elif decision.action == "resume":
        progress.say("step-resume", **place)
    else:
        progress.say("step-run", **place)
    if wish.explain or (decision.action == "run" and decision.reasons[0].code != "why-new"):
        for reason in decision.reasons:
            progress.say("step-because", reason=text(reason.code, **reason.parameters))


def _run_step(
    decision: Decision, ledger: Ledger, threads: int | None, progress: Progress, together: Team
) -> None:
    step = decision.step
    folder = StepFolder(ledger.run, step.name)
    if decision.action == "resume":
        folder.sweep()
    else:
        folder.clear()
    note = ledger.note(step)
    folder.write_started(note)
    work = ledger.workplace(step, progress)
    use_threads(threads)  # before the step's room is imported: libraries read it when they are loaded
    function = load(step.kind.run)
    num_threads = use_threads(threads)
    if _is_shared(step):
        together.told(step.name)
    began = time.monotonic()
    function(step.settings, work)
    seconds = round(time.monotonic() - began, 3)
    _check_outputs(step, folder)
    ending = {"seconds": seconds, "threads": num_threads, "versions": versions(), "outputs": folder.outputs()}
    folder.write_manifest({**note, **ending, "facts": work.facts})
    folder.drop_checkpoints()
    work.check_stop()


def _check_outputs(step: Step, folder: StepFolder) -> None:
    """A kind that does not give what its row promises is our bug."""
    missing = [name for name in step.kind.outputs if not (folder.path / f"{name}.jsonl").is_file()]
    if step.kind.gives_model and not step.kind.named_by and not folder.model.is_dir():
        missing.append("model")
    if missing:
        raise DajeongError("output-not-written", step=step.name, output=", ".join(missing))


def _results_of(step: Step, ledger: Ledger) -> Iterator[Result]:
    """Figures of today's recipe only: `--until` may leave a step behind it that belongs to an older one."""
    folder = StepFolder(ledger.run, step.name)
    for output, record in step.kind.outputs.items():
        if record == "Result" and ledger.is_current(step):
            yield from read_records(folder.path / f"{output}.jsonl", Result)


@contextlib.contextmanager
def _traceback_kept(path: Path) -> Iterator[None]:
    """Writes the traceback of a failure to `path`; a stop by a signal is no failure."""
    path.unlink(missing_ok=True)
    try:
        yield
    except Stopped:
        raise
    except Exception as problem:
        # a disk too full for the traceback must not hide the problem itself
        with contextlib.suppress(OSError, DajeongError):
            write_text(path, "".join(traceback.format_exception(problem)))
        raise
