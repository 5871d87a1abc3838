"""An adapter on its own: PEFT's two files, tokenizer and templates, and a base that others can find.

A base that lies only on this machine is copied beside the adapter; no path of this machine is written.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dajeong.errors import UsageProblem
from dajeong.export.merged import write_text_side
from dajeong.export.model_card import pathless
from dajeong.export.source import Source
from dajeong.models.adapters import CARD, CONFIG, WEIGHTS
from dajeong.models.load import ChatModel
from dajeong.storage import read_json, write_json, write_text

BASE = "base"
"""The folder of a base that travels along."""
KEPT = (".safetensors", ".json", ".jinja", ".txt", ".md")
"""What of a base's folder is its model."""


def write_adapter(source: Source, chat: ChatModel, folder: Path, base_name: str | None) -> None:
    """Write the adapter; `base_name`, where given, is where others find its base.

    Raises UsageProblem for a whole model.
    """
    if source.folder is None or source.base is None:
        raise UsageProblem("export-no-adapter", model=source.name)
    config = read_json(source.folder / CONFIG)
    shutil.copyfile(source.folder / WEIGHTS, folder / WEIGHTS)
    local = Path(source.base).is_dir() and base_name is None
    named = base_name or (BASE if local else source.base)
    write_json(folder / CONFIG, {**config, "base_model_name_or_path": named})
    write_text_side(chat, folder)
    if local:
        _copy_base(Path(source.base), folder / BASE)


def _copy_base(base: Path, place: Path) -> None:
    place.mkdir()
    for file in sorted(base.iterdir()):
        if file.is_file() and file.suffix in KEPT:
            shutil.copyfile(file, place / file.name)
    card = place / CARD
    if card.is_file():
        write_text(card, pathless(card.read_text(encoding="utf-8", errors="replace")))
