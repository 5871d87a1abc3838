"""What every training step of a recipe would learn from, before anything is spent on it.

Runs the steps that make the data, never one that trains; tokenises as training does. Knows recipes and run
folders; what is counted is `models.inspection`.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.data.doctor import leaks
from dajeong.data.doctor.codes import CODES, GRAVITY
from dajeong.data.doctor.finding import NUM_EXAMPLES, Finding
from dajeong.data.doctor.repeats import Repeats
from dajeong.data.either import first_line, kind_in
from dajeong.ledger import Ledger
from dajeong.pipeline import Wish, execute
from dajeong.progress import Progress
from dajeong.recipe import Recipe, Step
from dajeong.records import Dialogue, Message, Preference, Record, Reply
from dajeong.storage import read_records
from dajeong.workplace import Workplace

RECORDS: dict[str, type[Any]] = {"Dialogue": Dialogue, "Preference": Preference, "Reply": Reply}


class Inspected(NamedTuple):
    step: str
    found: Any
    """`models.inspection.Inspection`; None where the data do not exist before another step has trained."""
    waits_for: str = ""
    """That step."""


def inspect(
    recipe: Recipe, run: Path, only: str | None, num_shown: int, progress: Progress
) -> list[Inspected]:
    """Every step that learns from records, or `only` that one. Raises what the steps before it raise."""
    learning = [step for step in recipe.steps if _learns_from_records(step) and only in (None, step.name)]
    return [_inspected(recipe, step, run, num_shown, progress) for step in learning]


def _learns_from_records(step: Step) -> bool:
    return bool(step.kind.algorithm) and "data" in step.inputs and hasattr(step.settings, "max_tokens")


def _inspected(recipe: Recipe, step: Step, run: Path, num_shown: int, progress: Progress) -> Inspected:
    steps = {each.name: each for each in recipe.steps}
    wanted = [ref.step for ref in step.inputs["data"] if ref.step]
    ledger = Ledger(recipe, run)
    for trained in (
        each for name in wanted for each in _ancestors(name, steps) if steps[each].kind.gives_model
    ):
        if not ledger.is_current(steps[trained]):
            return Inspected(step.name, None, trained)
    for name in wanted:
        execute(recipe, run, Wish(until=name), progress, report=None)
    with tempfile.TemporaryDirectory() as spare:
        tokenizer = _tokenizer(recipe, step, run, Path(spare), progress)
    return Inspected(
        step.name, _read(step, Ledger(recipe, run).workplace(step, progress), tokenizer, num_shown, recipe)
    )


def _ancestors(name: str, steps: dict[str, Step]) -> Iterator[str]:
    yield name
    for earlier in steps[name].waits_for:
        yield from _ancestors(earlier, steps)


def _read(step: Step, work: Workplace, tokenizer: Any, num_shown: int, recipe: Recipe) -> Any:
    from dajeong.models.inspection import inspect_dialogues
    from dajeong.templates import find_template

    settings: Any = step.settings
    template = find_template(getattr(settings, "template", recipe.shared.template))
    records = records_in(step, "data", work)
    found = inspect_dialogues(
        (dialogue for record in records for dialogue in dialogues_of(record)),
        template,
        tokenizer,
        settings.max_tokens,
        learn_prompts=getattr(settings, "learn_prompts", False),
        num_shown=num_shown,
    )
    findings = [*found.findings, *_of_records(records)]
    ordered = sorted(findings, key=lambda each: (GRAVITY.index(each.severity), -each.count))
    return found.model_copy(update={"findings": tuple(ordered)})


def records_in(step: Step, field: str, work: Workplace) -> list[Record]:
    """Whatever the files of an input hold, by the types that it takes."""
    wanted = step.kind.inputs[field].record.split("|")
    files = [Path(file) for file in work.inputs[field]]
    return [record for file in files for record in read_records(file, _type_of(file, wanted))]


def _type_of(file: Path, wanted: Sequence[str]) -> type[Any]:
    if len(wanted) == 1:
        return RECORDS[wanted[0]]
    if "Reply" in wanted and '"prompt_id"' in first_line(file):
        return Reply
    return kind_in(file) or Dialogue


def dialogues_of(record: Record) -> Iterator[Dialogue]:
    """What a model reads of a record: each of its answers behind its prompt."""
    common = {"source": record.source, "licence": record.licence, "kind": record.kind}
    if isinstance(record, Dialogue):
        yield record
    elif isinstance(record, Preference):
        for number, response in enumerate(record.responses):
            said = Message(role="assistant", content=response.content)
            yield Dialogue(id=f"{record.id}#{number}", messages=(*record.prompt, said), **common)
    elif isinstance(record, Reply):
        said = Message(role="assistant", content=record.content)
        yield Dialogue(id=record.id, messages=(*record.prompt, said), **common)


def _of_records(records: Sequence[Record]) -> Iterator[Finding]:
    """What comes twice, and what an evaluation set also holds."""
    repeats, concerned, sets = Repeats(), defaultdict[str, list[str]](list), set[str]()
    for record, belongs_to in leaks.with_sets(records):
        for code in repeats.codes(record):
            concerned[code].append(record.id)
        if belongs_to:
            concerned["evaluation-leak"].append(record.id)
            sets.add(belongs_to)
    for code, ids in concerned.items():
        given = {"set": ", ".join(sorted(sets))} if code == "evaluation-leak" else {}
        finding = Finding(
            code=code,
            severity=CODES[code],
            count=len(ids),
            of=len(records),
            examples=tuple(ids[:NUM_EXAMPLES]),
            parameters=given,
        )
        yield leaks.weighed(finding) if code == "evaluation-leak" else finding


def _tokenizer(recipe: Recipe, step: Step, run: Path, spare: Path, progress: Progress) -> Any:
    """The tokenizer the step will have; that of a tiny base that does not exist yet is made from its text."""
    from dajeong.models.base import load_tokenizer

    base, reference = base_of_step(step, {each.name: each for each in recipe.steps})
    if base is None:
        return load_tokenizer(reference)
    work = Ledger(recipe, run).workplace(base, progress)
    settings: Any = base.settings
    if settings.model != "tiny":
        return load_tokenizer(settings.model, settings.revision)
    if work.model_folder.is_dir():
        return load_tokenizer(str(work.model_folder))
    from dajeong.training.base import draw

    for name in base.waits_for:
        execute(recipe, run, Wish(until=name), progress, report=None)
    drawn = spare / "drawn"
    draw(drawn, work.records("text", Dialogue), settings, work.seed)
    return load_tokenizer(str(drawn))


def base_of_step(step: Step, steps: dict[str, Step]) -> tuple[Step | None, str]:
    """The step that makes the base which `step` learns on, or the folder or Hub id it names."""
    while True:
        field = next(name for name, wanted in step.kind.inputs.items() if wanted.record == "Model")
        reference = step.inputs[field][0]
        if reference.step is None:
            return None, _base_of_folder(reference.path or Path(reference.written))
        step = steps[reference.step]
        if step.kind.named_by:
            return step, ""


def _base_of_folder(place: Path) -> str:
    from dajeong.models.adapters import CONFIG, base_of

    return base_of(place)[0] if (place / CONFIG).is_file() else str(place)
