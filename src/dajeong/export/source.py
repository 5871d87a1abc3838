"""What is to leave the house: a model with its template, its card, and the figures of the run it was made in.

Reads folders; knows no form that a model may be handed on in.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dajeong.data.licences import APACHE
from dajeong.data.terms import NOT_STATED, is_allowed
from dajeong.errors import DataProblem, UsageProblem
from dajeong.models.adapters import CARD, CONFIG, NOTES, base_of, notes_of
from dajeong.models.card import licence_in, origins_in
from dajeong.models.load import ChatModel, folder_of, load_chat
from dajeong.models.settings import RuntimeSettings
from dajeong.records import Result
from dajeong.storage import read_json

EXACT = RuntimeSettings(device="cpu", dtype="float32")
"""Where weights are merged and compared: four bytes a weight, no rounding but float32's."""

KNOWN_BASES = {f"EleutherAI/polyglot-ko-{size}": APACHE for size in ("1.3b", "3.8b", "5.8b", "12.8b")}
"""Hub id → the licence its card states."""


class Source(NamedTuple):
    reference: str
    """A folder, or a Hub id."""
    name: str
    folder: Path | None
    """Its files, where they lie on this machine under a name that was given."""
    card: str
    results: tuple[Result, ...]
    base: str | None
    """What an adapter is added to: a folder, or a Hub id; None for a whole model."""
    revision: str | None = None

    def loaded(self) -> ChatModel:
        return load_chat(self.reference, runtime=EXACT)


def source_of(reference: str) -> Source:
    """Raises EnvironmentProblem where a run has no model yet, UsageProblem for a reward model."""
    folder = folder_of(reference)
    if not folder.is_dir():
        return Source(reference, reference, None, "", (), None)
    if (folder / NOTES).is_file() and notes_of(folder).role == "reward":
        raise UsageProblem("export-reward", path=folder)
    base, revision = base_of(folder) if (folder / CONFIG).is_file() else (None, None)
    card = folder / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    return Source(str(folder), folder.resolve().name, folder, text, _results(folder), base, revision)


def _results(folder: Path) -> tuple[Result, ...]:
    """The figures of this model in the run that it lies in."""
    path = folder.resolve().parent.parent / "results.json"
    if folder.resolve().parent.name != "models" or not path.is_file():
        return ()
    rows = (Result.model_validate(row) for row in read_json(path))
    return tuple(row for row in rows if row.model == folder.resolve().name and row.value is not None)


def check_licences(source: Source, allowed: frozenset[str]) -> None:
    """Raises DataProblem unless every source it learned from, and its base, may be passed on."""
    stated = {origin.licence for origin in origins_in(source.card)} or {licence_in(source.card)}
    if source.base is not None:
        stated |= _licences_of(source.base)
    refused = sorted(name.strip() or NOT_STATED for name in stated if not is_allowed(name, allowed))
    if refused:
        listed = "; ".join(f'"{name}"' for name in refused)
        raise DataProblem("export-model-licences", model=source.name, licences=listed, example=refused[0])


def _licences_of(base: str) -> set[str]:
    """What the base states: of itself, or of the sources it was made from. No network is asked."""
    if base in KNOWN_BASES:
        return {KNOWN_BASES[base]}
    card = Path(base) / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    return {origin.licence for origin in origins_in(text)} or {licence_in(text)}
