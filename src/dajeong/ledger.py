"""Decides for each step of a recipe whether it is done, runs, or goes on; and with what it works.

Compares today's fingerprints with the notes in the run folder. Reads the disk, changes nothing on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dajeong.fingerprint import Reason, differences, fingerprint_of, parts_of
from dajeong.progress import Progress
from dajeong.recipe import Recipe, Step
from dajeong.references import Reference
from dajeong.run_folder import StepFolder
from dajeong.workplace import Workplace

Action = Literal["done", "run", "resume", "wait"]
"""`wait`: unchanged itself, but a step before it runs again, and what that gives decides."""


class Decision(NamedTuple):
    step: Step
    action: Action
    reasons: tuple[Reason, ...]


class Ledger:
    """The fingerprints of a recipe's steps, against what lies in the run folder."""

    def __init__(self, recipe: Recipe, run: Path, force: Iterable[str] = ()) -> None:
        self.run = run
        self.seed = recipe.shared.seed
        self.force = set(force)
        self.steps = {step.name: step for step in recipe.steps}
        self.parts: dict[str, dict[str, Any]] = {}
        self.fingerprints: dict[str, str] = {}
        for name, step in self.steps.items():
            self.parts[name] = parts_of(step, self.seed, self.fingerprints)
            self.fingerprints[name] = fingerprint_of(self.parts[name])

    def decide(self, step: Step) -> Decision:
        """What to do with the step, by what is on the disk at this moment."""
        folder = StepFolder(self.run, step.name)
        if step.name in self.force:
            return Decision(step, "run", (Reason("why-forced", {}),))
        if manifest := folder.manifest():
            reasons = self._changes_since(step, manifest) or _damage(folder)
            return Decision(step, "run" if reasons else "done", tuple(reasons) or (Reason("why-done", {}),))
        if started := folder.started():
            reasons = self._changes_since(step, started)
            return Decision(
                step, "run" if reasons else "resume", tuple(reasons) or (Reason("why-resume", {}),)
            )
        return Decision(step, "run", (Reason("why-new", {}),))

    def is_current(self, step: Step) -> bool:
        """Whether the step was finished with today's fingerprint."""
        return bool(
            StepFolder(self.run, step.name).manifest().get("fingerprint") == self.fingerprints[step.name]
        )

    def _changes_since(self, step: Step, note: Mapping[str, Any]) -> list[Reason]:
        if note.get("fingerprint") != self.fingerprints[step.name]:
            return differences(note.get("parts", {}), self.parts[step.name]) or [Reason("why-new", {})]
        before, now = note.get("given", {}), self._given(step)
        changed = [name for name, digest in now.items() if digest and digest != before.get(name)]
        return [Reason("why-step", {"step": name}) for name in changed]

    def _given(self, step: Step) -> dict[str, str]:
        """What the steps before really left: on a GPU, equal fingerprints may still give other bytes."""
        given = {}
        for name in step.waits_for:
            outputs = StepFolder(self.run, name).manifest().get("outputs", {})
            hashes = {file: what["sha256"] for file, what in outputs.items()}
            given[name] = fingerprint_of(hashes) if hashes else ""
        return given

    def note(self, step: Step) -> dict[str, Any]:
        """What the step is begun with, kept to be compared later."""
        parts = self.parts[step.name]
        return {
            "name": step.name,
            "kind": step.use,
            "fingerprint": self.fingerprints[step.name],
            "inputs": parts["inputs"],
            "given": self._given(step),
            "parts": parts,
        }

    def workplace(self, step: Step, progress: Progress) -> Workplace:
        """What the step's function sees of the run."""
        wanted = step.kind.inputs
        models = {field: refs for field, refs in step.inputs.items() if wanted[field].record == "Model"}
        return Workplace(
            self.run,
            step.name,
            self.seed,
            {field: tuple(self._place(ref) for ref in refs) for field, refs in step.inputs.items()},
            {field: tuple(ref.model_name for ref in refs) for field, refs in models.items()},
            progress,
            self.fingerprints[step.name],
        )

    def _place(self, reference: Reference) -> Path | str:
        """Where the bytes of a reference are: a file of records, a model folder, or a Hub id."""
        if reference.step is None:
            return reference.path or reference.written
        if reference.output is not None:
            return self.run / "steps" / reference.step / f"{reference.output}.jsonl"
        step = self.steps[reference.step]
        folder = StepFolder(self.run, step.name).model
        if step.kind.named_by is None or folder.is_dir():
            return folder
        return str(getattr(step.settings, step.kind.named_by))


def _damage(folder: StepFolder) -> list[Reason]:
    damaged = folder.damaged()
    return [Reason("why-output", {"file": damaged})] if damaged else []
