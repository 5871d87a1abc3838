"""Steps by themselves, outside of any recipe: a folder, a bar, signals, their results. Knows no step.

What is not asked to be kept (`--out`) is gone with the call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.progress import Progress
    from dajeong.records import Frozen, Record, Result
    from dajeong.workplace import Workplace

R = TypeVar("R", bound="Record")
Inputs = Mapping[str, Sequence[Path | str]]


@contextlib.contextmanager
def bench(out: Path | None, session: Session) -> Iterator[Bench]:
    """A place to work in until the block ends; Ctrl-C is noted and heeded where the work so far is safe."""
    import tempfile

    from dajeong.terminal import progress_on
    from dajeong.workplace import signals_noted

    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        progress = stack.enter_context(progress_on(quiet=session.quiet))
        stack.enter_context(signals_noted())
        yield Bench(folder, progress, out is not None)


class Bench(NamedTuple):
    folder: Path
    progress: Progress
    is_kept: bool
    """Whether the folder is the user's."""

    def work(self, kind: str, inputs: Inputs, models: Mapping[str, Sequence[str]] | None = None) -> Workplace:
        """The workplace of a step that is called as its kind; `models` are inputs with a name."""
        from dajeong.workplace import Workplace

        named = {field: names_of(references) for field, references in (models or {}).items()}
        given = {field: tuple(each) for field, each in {**inputs, **(models or {})}.items()}
        return Workplace(self.folder, kind, inputs=given, model_names=named, progress=self.progress)

    def run(
        self,
        kind: str,
        settings: Frozen,
        inputs: Inputs,
        models: Mapping[str, Sequence[str]] | None = None,
    ) -> Workplace:
        """The step done; its files lie in the workplace's folder."""
        from dajeong.catalog import load
        from dajeong.steps import KINDS

        work = self.work(kind, inputs, models)
        load(KINDS[kind].run)(settings, work)
        return work

    def results(
        self,
        kind: str,
        settings: Frozen,
        inputs: Inputs,
        models: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Result]:
        from dajeong.records import Result
        from dajeong.storage import read_records

        return list(read_records(self.run(kind, settings, inputs, models).folder / "results.jsonl", Result))

    def finish(self, results: Sequence[Result], kind: str = "", replies: Sequence[Path] = ()) -> None:
        """A report beside what is kept, as a run has it; with it the texts that step `kind` judged."""
        if self.is_kept:
            from dajeong.catalog import load
            from dajeong.pipeline import REPORT
            from dajeong.records import Reply
            from dajeong.storage import read_records, write_json

            if replies:
                texts = (each for path in replies for each in read_records(path, Reply))
                self.work(kind, {}).write("replies", texts)
            write_json(self.folder / "results.json", [each.model_dump(mode="json") for each in results])
            self.progress.say("eval-report", path=load(REPORT)(self.folder))

    def records(
        self, paths: Sequence[Path], source: str | None, wanted: type[R], refusal: str
    ) -> tuple[R, ...]:
        """The records of that kind in files of any known source. Raises DataProblem(refusal) without any."""
        from dajeong.data.doctor.reading import Reading
        from dajeong.errors import DataProblem

        reading = Reading(paths, source)
        found = tuple(each for each in reading.records() if isinstance(each, wanted))
        if not found:
            raise DataProblem(refusal, path=paths[0], source=reading.source)
        if reading.unreadable:
            places = ", ".join(reading.examples)
            self.progress.say("eval-unreadable", path=paths[0], count=reading.unreadable, places=places)
        return found


def names_of(models: Sequence[str]) -> tuple[str, ...]:
    """The last part of each reference, or the whole where two would be called the same."""
    short = [Path(model).resolve().name if Path(model).exists() else model for model in models]
    return tuple(short if len(set(short)) == len(short) else models)
