"""What a training step tells the card of its model: whose records it read, what it grew from, how.

Reads the cards of the models before, so that a source is never lost on the way; knows no weights.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from dajeong.models.adapters import CARD
from dajeong.models.card import CardFacts, Origin, card, licence_in, origins_in
from dajeong.records import Frozen, Record
from dajeong.workplace import Workplace

PACKAGES = ("dajeong", "torch", "transformers", "tokenizers")


def card_of(
    work: Workplace,
    kind: str,
    role: str,
    settings: Frozen,
    template: str | None,
    read: Mapping[str, Sequence[Record]],
    base: str | None,
    grown_from: Iterable[str | Path] = (),
) -> str:
    """The card of the step's model, which inherits the sources of its base and of `grown_from`."""
    folders = [Path(folder) for folder in (*grown_from, *([base] if base else []))]
    inherited = [origin for folder in folders for origin in origins_in(_card_in(folder))]
    of_base = _card_in(Path(base)) if base else ""
    facts = CardFacts(
        name=work.name,
        kind=kind,
        role=role,
        base=_name_of(base, work.run) if base else None,
        base_licence=licence_in(of_base),
        base_counted=bool(origins_in(of_base)),
        origins=[*counted(work.name, read), *inherited],
        template=template,
        seed=work.seed,
        settings=settings.model_dump(mode="json"),
        versions=dict(_versions()),
    )
    return card(facts)


def counted(step: str, read: Mapping[str, Sequence[Record]]) -> list[Origin]:
    """Sources and licences of the records of each input."""
    return [
        Origin(step, given, *pair, number)
        for given, records in read.items()
        for pair, number in Counter((record.source, record.licence) for record in records).items()
    ]


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield package, metadata.version(package)


def _card_in(folder: Path) -> str:
    path = folder / CARD
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _name_of(base: str, run: Path) -> str:
    """`../base` inside the run; elsewhere a folder's own name, since where it lies is nobody's business."""
    folder = Path(base)
    if not folder.is_dir():
        return base
    inside = folder.resolve().parent == (run / "models").resolve()
    return f"../{folder.name}" if inside else folder.resolve().name
