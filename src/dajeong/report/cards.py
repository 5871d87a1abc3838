"""What the files beside a model's weights say of it: its card, its adapter, its shape. Opens no weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dajeong.models.card import head_of
from dajeong.storage import read_json

CARD = {
    "license": "license",
    "license_name": "license_name",
    "base_model": "base_model",
    "datasets": "datasets",
}
ADAPTER = {"base_model_name_or_path": "base_model", "revision": "revision", "r": "rank"}
CONFIG = {"model_type": "form", "num_hidden_layers": "layers", "hidden_size": "width"}
NOTES = {"role": "role"}
REWARD_NOTES = {"reward_mean": "reward_mean", "reward_deviation": "reward_deviation"}
"""Key in the file → name of the fact."""


def facts_of(folder: Path) -> dict[str, str]:
    """Name → value of what is there. Raises DataProblem or ValueError for a file that cannot be read."""
    card = folder / "README.md"
    facts = _chosen(head_of(card.read_text(encoding="utf-8")) if card.is_file() else {}, CARD)
    facts |= _chosen(_optional(folder / "adapter_config.json"), ADAPTER)
    facts |= _chosen(_optional(folder / "config.json"), CONFIG)
    notes = _optional(folder / "dajeong.json")
    return facts | _chosen(notes, NOTES | (REWARD_NOTES if notes.get("role") == "reward" else {}))


def mapping_in(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ValueError for any other JSON."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def plain(value: object) -> str:
    """A scalar, or a list of scalars, as text; deeper values are not walked."""
    items = value if isinstance(value, list) else [value]
    scalars = (item for item in items if isinstance(item, str | int | float))
    return ", ".join(f"{item:.4g}" if isinstance(item, float) else f"{item}" for item in scalars)


def _optional(path: Path) -> dict[str, Any]:
    return mapping_in(path) if path.is_file() else {}


def _chosen(values: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, str]:
    return {fact: plain(values[key]) for key, fact in wanted.items() if values.get(key) not in (None, "")}
