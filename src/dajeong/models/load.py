"""A chat model by name: an adapter's folder, a whole model's folder, a run's folder or a Hub id.

It speaks the template saved beside its weights; else the tokenizer's own chat template; else plain text.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import EnvironmentProblem
from dajeong.models.adapters import CONFIG, NOTES, TEMPLATE, base_of, load_role, notes_of, template_of
from dajeong.models.base import Base, load_base
from dajeong.models.roles import RoleModel
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer
from dajeong.templates import Template, find_template


class ChatModel(NamedTuple):
    """All that answering takes."""

    model: RoleModel
    role: str | None
    """The adapter that answers; None is the bare base."""
    tokenizer: TextTokenizer
    template: Template
    name: str


def load_chat(reference: str, role: str = "policy", runtime: RuntimeSettings | None = None) -> ChatModel:
    """The model that `reference` names, its adapter, if it is one, under the name `role`.

    Raises EnvironmentProblem where it is absent, unsafe or unsuitable.
    """
    folder = folder_of(reference)
    if (folder / CONFIG).is_file():
        name, revision = base_of(folder)
        base = load_base(name, runtime, revision=revision)
        load_role(base.model, role, folder)
        return ChatModel(base.model, role, base.tokenizer, template_of(folder), folder.name)
    base = load_base(str(folder) if folder.is_dir() else reference, runtime)
    return ChatModel(base.model, None, base.tokenizer, base_template(base), folder.name)


def base_template(base: Base) -> Template:
    """What a whole model speaks: the template beside its weights, else its tokenizer's, else plain text."""
    return whole_template(base.reference, base.tokenizer)


def whole_template(reference: str, tokenizer: TextTokenizer) -> Template:
    """The same of a model that is not loaded."""
    folder = Path(reference)
    if (folder / TEMPLATE).is_file():
        return template_of(folder)
    return own_template(tokenizer, reference)


def folder_of(reference: str) -> Path:
    """Where the model lies; of a run its last policy. A Hub id is a path where nothing is."""
    folder = Path(reference)
    if (folder / "models").is_dir() and not (folder / "config.json").is_file():
        return last_policy(folder)
    return folder


def last_policy(run: Path) -> Path:
    """The model folder of a run's last step that made something to talk to, in the order of its recipe."""
    recipe = run / "recipe.yaml"
    written = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.is_file() else {}
    steps = [str(step) for step in (written or {}).get("steps") or {}]
    folders = [run / "models" / step for step in steps if (run / "models" / step / NOTES).is_file()]
    talking = [folder for folder in folders if notes_of(folder).role != "reward"]
    if not talking:
        raise EnvironmentProblem("run-no-model", path=run)
    return talking[-1]


def own_template(tokenizer: TextTokenizer, reference: str) -> Template:
    """The chat template that comes with the tokenizer; else plain text."""
    huggingface = tokenizer.huggingface
    if not isinstance(huggingface.chat_template, str):
        return find_template("plain")
    return JinjaTemplate(
        name=Path(reference).name,
        source=huggingface.chat_template,
        bos=huggingface.bos_token or "",
        eos=huggingface.eos_token or "",
    )
