"""The models that one server offers: one base and every adapter of it. Loads them; writes nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dajeong.errors import EnvironmentProblem
from dajeong.judging.reward_model import refuse_headless
from dajeong.models.adapters import CONFIG, NOTES, AdapterNotes, base_of, load_role, notes_of, template_of
from dajeong.models.base import Base, load_base, load_tokenizer
from dajeong.models.load import base_template, last_policy, whole_template
from dajeong.models.roles import RoleModel
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer, stop_ids
from dajeong.rollout.engine import ContinuousEngine
from dajeong.rollout.opening import Opening
from dajeong.templates import Template


class Offered(NamedTuple):
    """One model of a server."""

    id: str
    role: str | None
    """Its adapter; None is the bare base."""
    template: Template
    stop_ids: frozenset[int]
    opening: Opening
    rewards: AdapterNotes | None
    """What its scores mean, where it is a reward model, which does not write."""


@dataclass
class Shelf:
    """All models of a server, by id."""

    model: RoleModel | None
    """None where another engine holds the weights."""
    tokenizer: TextTokenizer
    default: str
    """Whom to talk to where nobody is named."""
    run: Path | None = None
    engine: ContinuousEngine | None = None
    """What writes, where it is not the native engine over `model`."""
    offered: dict[str, Offered] = field(default_factory=dict)

    def put(self, id: str, role: str | None, template: Template, rewards: AdapterNotes | None = None) -> None:
        stops = stop_ids(template, self.tokenizer)
        self.offered[id] = Offered(id, role, template, stops, Opening(template), rewards)

    @property
    def reward_ids(self) -> list[str]:
        return [each.id for each in self.offered.values() if each.rewards is not None]


def load_shelf(reference: str, runtime: RuntimeSettings | None = None) -> Shelf:
    """The model that `reference` names; of a run, also every other adapter of the same base.

    Raises EnvironmentProblem where it is absent, unsafe or unsuitable.
    """
    folder = Path(reference)
    run = folder if (folder / "models").is_dir() and not (folder / "config.json").is_file() else None
    chosen = last_policy(folder) if run else folder
    if not (chosen / CONFIG).is_file():
        base = load_base(str(chosen) if chosen.is_dir() else reference, runtime)
        shelf = Shelf(base.model, base.tokenizer, _id(chosen), run)
        shelf.put(_id(chosen), None, base_template(base))
    else:
        name, revision = base_of(chosen)
        base = load_base(name, runtime, revision=revision)
        shelf = Shelf(base.model, base.tokenizer, _id(chosen), run)
        _put_adapter(shelf, chosen)
        shelf.put(_free(shelf, _id(Path(name))), None, base_template(base))
    for other in _adapters(run, base) if run else ():
        if _id(other) not in shelf.offered:
            _put_adapter(shelf, other)
    return shelf


def load_vllm_shelf(reference: str, max_rows: int) -> Shelf:
    """A whole model that vLLM serves. Raises EnvironmentProblem for what must be merged before."""
    from dajeong.rollout.vllm import VllmContinuous

    folder = Path(reference)
    if (folder / CONFIG).is_file() or (folder / "models").is_dir():
        raise EnvironmentProblem("serve-vllm-merged", path=reference)
    tokenizer = load_tokenizer(reference)
    shelf = Shelf(None, tokenizer, _id(folder), engine=VllmContinuous(reference, max_rows))
    shelf.put(_id(folder), None, whole_template(reference, tokenizer))
    return shelf


def _adapters(run: Path, base: Base) -> list[Path]:
    """Folders of the run's adapters of this base; those without notes are not done yet."""
    found = sorted(path.parent for path in (run / "models").glob(f"*/{CONFIG}"))
    mine = (_resolved(base.reference), base.revision)
    done = [folder for folder in found if (folder / NOTES).is_file()]
    return [folder for folder in done if _named(folder) == mine]


def _named(folder: Path) -> tuple[str, str | None]:
    name, revision = base_of(folder)
    return _resolved(name), revision


def _resolved(reference: str) -> str:
    return str(Path(reference).resolve()) if Path(reference).exists() else reference


def _put_adapter(shelf: Shelf, folder: Path) -> None:
    assert shelf.model is not None
    role = f"served-{len(shelf.offered)}"  # a folder's name may hold what a module's name may not
    load_role(shelf.model, role, folder)
    notes = notes_of(folder) if (folder / NOTES).is_file() else AdapterNotes(role="policy")
    scores = notes.role == "reward"
    if scores:
        refuse_headless(shelf.model, role, folder)
    shelf.put(_id(folder), role, template_of(folder), notes if scores else None)


def _id(folder: Path) -> str:
    return folder.resolve().name if folder.exists() else folder.name


def _free(shelf: Shelf, name: str) -> str:
    return name if name not in shelf.offered else f"{name}-base"
