"""Where a reward model starts: as a copy of an SFT adapter, as a new adapter on its base, or on a bare base.

Knows no preference and no loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dajeong.models.adapters import CONFIG, TEMPLATE, base_of, load_role, template_of
from dajeong.models.base import Base, load_base
from dajeong.models.fitness import Needs
from dajeong.models.load import own_template
from dajeong.models.runtime import key
from dajeong.models.settings import LoraSettings
from dajeong.templates import Template, find_template
from dajeong.training.settings import RewardSettings


class Start(NamedTuple):
    base: Base
    template: Template
    grown_from: list[Path]
    """Models whose sources the card inherits, the base aside."""


def start(model: str, settings: RewardSettings, seed: int, role: str) -> Start:
    """`model`: an adapter's folder, a model's folder or a Hub id. Adds `role` with a new head."""
    found = _on_adapter(Path(model), settings, seed, role) if (Path(model) / CONFIG).is_file() else None
    found = found or _on_base(model, settings, seed, role)
    found.base.model.add_head(role, trainable=True, seed=key(seed, "head", role))
    return found


def _on_adapter(folder: Path, settings: RewardSettings, seed: int, role: str) -> Start:
    reference, revision = base_of(folder)
    needs = Needs(settings.max_tokens, settings.lora, template_of(folder))
    base = load_base(reference, settings.runtime, revision=revision, needs=needs)
    if settings.lora is None:
        load_role(base.model, role, folder, trainable=True)
    else:
        base.model.add_role(role, settings.lora, trainable=True, seed=key(seed, "lora", role))
    return Start(base, template_of(folder), [folder])


def _on_base(model: str, settings: RewardSettings, seed: int, role: str) -> Start:
    lora = settings.lora or LoraSettings()
    base = load_base(model, settings.runtime, needs=Needs(settings.max_tokens, lora))
    base.model.add_role(role, lora, trainable=True, seed=key(seed, "lora", role))
    return Start(base, _template(Path(model), base, settings.template), [])


def _template(folder: Path, base: Base, named: str | None) -> Template:
    """The one named; else what lies beside the weights; else the tokenizer's own."""
    if named is not None:
        return find_template(named)
    if (folder / TEMPLATE).is_file():
        return template_of(folder)
    return own_template(base.tokenizer, base.reference)
