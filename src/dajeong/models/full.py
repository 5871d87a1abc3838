"""A whole model on disk: an ordinary Hugging Face folder with our template beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from dajeong.models.adapters import CARD, NOTES, TEMPLATE, AdapterNotes
from dajeong.models.base import Base
from dajeong.models.whole import in_parts, whole
from dajeong.storage import whole_folder, write_json, write_text
from dajeong.templates import Template, template_json


def save_full(
    base: Base,
    role: str,
    folder: Path,
    template: Template | None,
    notes: AdapterNotes | None = None,
    card: str | None = None,
    *,
    write: bool = True,
) -> None:
    """Write weights, configuration, tokenizer and card; with `template`, what a chat needs too.

    Where weights lie in parts on several processes, all take part, and one of them has `write`.
    """
    gathered = _gathered(base.model.base, write) if in_parts(base.model) else {}
    if not write:
        return
    with whole_folder(folder) as place:
        base.model.base.save_pretrained(place, **gathered)  # type: ignore[operator]
        base.tokenizer.save(place)
        if template is not None:
            write_text(place / "chat_template.jinja", template.jinja())
            write_text(place / TEMPLATE, template_json(template))
            write_json(place / NOTES, (notes or AdapterNotes(role=role)).model_dump())
        if card is not None:
            write_text(place / CARD, card)


def _gathered(base: nn.Module, keep: bool) -> dict[str, Any]:
    """Every weight, whole, on the CPU of the process that keeps them."""
    found = {}
    for name, weight in base.state_dict(keep_vars=True).items():  # what knows where its parts lie
        gathered = whole(weight)
        if keep:
            found[name] = gathered.cpu()
    return {"state_dict": found}
