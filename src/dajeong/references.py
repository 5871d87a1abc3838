"""What an input of a step may name: another step, one of its outputs, a file, or a model.

Decides from names and types alone; opens no file and knows no settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dajeong.errors import DataProblem, EnvironmentProblem, UsageProblem
from dajeong.steps import Input, Kind


class Reference(NamedTuple):
    written: str
    """As the recipe says it."""
    step: str | None = None
    output: str | None = None
    """A file of records of `step`; None for its model."""
    path: Path | None = None
    """A file or a model folder outside the run. With no step and no path, `written` is a Hub id."""

    @property
    def model_name(self) -> str:
        """What results call the model."""
        return self.step or Path(self.written).name


class Places(NamedTuple):
    """Where relative paths are looked for, first match wins."""

    data_folders: tuple[Path, ...]
    model_folders: tuple[Path, ...]
    required: bool = True
    """Whether what they are to hold must be there already."""


class Known(NamedTuple):
    """The steps a reference may name, and the folders its paths may lie in."""

    kinds: Mapping[str, Kind]
    """Step name → its kind."""
    places: Places


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word most like `word`, if any is alike."""
    matches = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return matches[0] if matches else None


def located(written: Path, folders: Sequence[Path]) -> Path:
    """The first place where `written` exists, absolute; the first candidate where it is nowhere."""
    expanded = written.expanduser()
    candidates = [(folder / expanded).absolute() for folder in folders]
    return next((path for path in candidates if path.exists()), candidates[0])


def resolved(written: str, wanted: Input, known: Known, where: str) -> Reference:
    """What `written` names. Raises UsageProblem (unknown name, wrong type) or DataProblem (missing file)."""
    step, _, output = written.partition("/")
    if step in known.kinds:
        choose = _model_of_step if wanted.record == "Model" else _records_of_step
        return choose(written, step, output, wanted, known, where)
    choose_outside = _outside_model if wanted.record == "Model" else _outside_records
    return choose_outside(written, known, where)


def _model_of_step(
    written: str, step: str, output: str, wanted: Input, known: Known, where: str
) -> Reference:
    kind = known.kinds[step]
    if not kind.gives_model or output not in ("", "model"):
        given = kind.outputs.get(output) or ", ".join(kind.outputs) or "-"
        raise UsageProblem("reference-type", where=where, written=written, given=given, wanted="Model")
    return Reference(written, step)


def _records_of_step(
    written: str, step: str, output: str, wanted: Input, known: Known, where: str
) -> Reference:
    outputs = known.kinds[step].outputs
    if not output:
        return Reference(written, step, _only_output(written, step, wanted, known, where))
    if output not in outputs:
        raise unknown_reference(written, known, where)
    if not _fits(outputs[output], wanted):
        raise UsageProblem(
            "reference-type", where=where, written=written, given=outputs[output], wanted=wanted.record
        )
    return Reference(written, step, output)


def _only_output(written: str, step: str, wanted: Input, known: Known, where: str) -> str:
    kind = known.kinds[step]
    fitting = [name for name, record in kind.outputs.items() if _fits(record, wanted)]
    if not fitting:
        given = ", ".join(sorted({*kind.outputs.values()} | ({"Model"} if kind.gives_model else set())))
        raise UsageProblem("reference-type", where=where, written=written, given=given, wanted=wanted.record)
    if len(fitting) > 1:
        choices = ", ".join(f"{step}/{name}" for name in fitting)
        raise UsageProblem("reference-ambiguous", where=where, written=written, choices=choices)
    return fitting[0]


def _fits(record: str, wanted: Input) -> bool:
    return record == "Any" or record in wanted.record.split("|")


def _outside_model(written: str, known: Known, where: str) -> Reference:
    path = located(Path(written), known.places.model_folders)
    if path.exists():
        return Reference(written, path=path)
    if written == "tiny" or ("/" not in written and nearest(written, list(known.kinds))):
        raise unknown_reference(written, known, where)
    if (written.startswith((".", "/", "~")) or written.count("/") > 1) and known.places.required:
        raise EnvironmentProblem("model-missing", where=where, model=written, path=path)
    return Reference(written)


def _outside_records(written: str, known: Known, where: str) -> Reference:
    path = located(Path(written), known.places.data_folders)
    if path.is_file():
        return Reference(written, path=path)
    if Path(written).suffix or written.startswith((".", "/", "~")):
        if not known.places.required:
            return Reference(written, path=path)
        raise DataProblem("file-missing-for", where=where, path=path)
    raise unknown_reference(written, known, where)


def unknown_reference(written: str, known: Known, where: str) -> UsageProblem:
    """The refusal of a name that is neither a step nor a file, with the nearest name there is."""
    outputs = [f"{step}/{output}" for step, kind in known.kinds.items() for output in kind.outputs]
    names = [*known.kinds, *outputs]
    close = nearest(written, names)
    if close is None:
        known_names = ", ".join(known.kinds) or "-"
        return UsageProblem("reference-unknown-listed", where=where, written=written, known=known_names)
    return UsageProblem("reference-unknown", where=where, written=written, nearest=close)


def running_order(waits_for: Mapping[str, Sequence[str]]) -> list[str]:
    """Steps so that each comes after those it waits for, else as written. Raises UsageProblem on a circle."""
    order: list[str] = []
    for step in waits_for:
        _visit(step, waits_for, order, ())
    return order


def _visit(
    step: str, waits_for: Mapping[str, Sequence[str]], order: list[str], trail: tuple[str, ...]
) -> None:
    if step in order:
        return
    if step in trail:
        circle = " → ".join([*trail[trail.index(step) :], step])
        raise UsageProblem("recipe-circle", circle=circle)
    for earlier in waits_for[step]:
        _visit(earlier, waits_for, order, (*trail, step))
    order.append(step)
