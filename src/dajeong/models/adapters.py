"""A role on disk: exactly PEFT's files, plus the template it speaks and what its rewards mean.

Every save is read back: B must not be all zero and the logits must have moved, or the save is refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import load_file, save_file

from dajeong.errors import EnvironmentProblem
from dajeong.models.base import Base
from dajeong.models.layout import Layout
from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings
from dajeong.models.whole import whole
from dajeong.records import Frozen
from dajeong.storage import read_json, whole_folder, write_json, write_text
from dajeong.templates import Template, load_template, template_json

WEIGHTS, CONFIG, TEMPLATE, NOTES, CARD = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "template.json",
    "dajeong.json",
    "README.md",
)
HEAD = "base_model.model.score.weight"
"""PEFT's name of a scalar head."""


class AdapterNotes(Frozen):
    """What PEFT's files have no place for."""

    role: str
    reward_mean: float = 0.0
    """Mean reward on SFT examples; normalised reward = (reward − mean) / deviation."""
    reward_deviation: float = Field(1.0, gt=0)
    max_tokens: int = Field(2048, ge=8)
    """Longest sequence a reward role was trained on; longer ones lose the front of their prompt."""


def save_role(
    base: Base,
    role: str,
    folder: Path,
    template: Template,
    notes: AdapterNotes | None = None,
    card: str | None = None,
    *,
    write: bool = True,
) -> None:
    """Write `role` as a PEFT folder beside tokenizer, template and card, then prove it by reading it back.

    Where its weights lie in parts on several processes, all take part, and one of them has `write`.
    """
    tensors = adapter_tensors(base.model, role)
    if not any(bool(tensor.any()) for name, tensor in tensors.items() if "lora_B" in name):
        raise EnvironmentProblem("adapter-empty", path=folder, role=role)
    if not write:
        _moves(base, role)
        return
    with whole_folder(folder) as place:
        save_file(tensors, place / WEIGHTS, metadata={"format": "pt"})
        write_json(place / CONFIG, _peft_config(base, role, folder))
        base.tokenizer.save(place)
        write_text(place / "chat_template.jinja", template.jinja())
        write_text(place / TEMPLATE, template_json(template))
        write_json(place / NOTES, (notes or AdapterNotes(role=role)).model_dump())
        if card is not None:
            write_text(place / CARD, card)
        _prove(base, role, place, tensors)


def adapter_tensors(model: RoleModel, role: str) -> dict[str, torch.Tensor]:
    """PEFT's key → tensor, in float32 on the CPU."""
    tensors = {}
    for name, layer in model.role_layers().items():
        if role in layer.A:
            prefix = f"base_model.model.{name}"
            tensors[f"{prefix}.lora_A.weight"] = _plain(layer.A[role])
            tensors[f"{prefix}.lora_B.weight"] = _plain(layer.B[role])
    if role in model.heads:
        tensors[HEAD] = _plain(model.score(role))
    return tensors


def _plain(weight: torch.Tensor) -> torch.Tensor:
    return whole(weight).float().cpu().contiguous()


def _peft_config(base: Base, role: str, folder: Path) -> dict[str, Any]:
    model, settings = base.model, base.model.lora[role]
    layers = {name: layer for name, layer in model.role_layers().items() if role in layer.A}
    scored = role in model.heads
    return {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS" if scored else "CAUSAL_LM",
        "base_model_name_or_path": _relative(base.reference, folder),
        "revision": base.revision,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        **({"use_rslora": True} if settings.rslora else {}),
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "fan_in_fan_out": any(type(layer.base).__name__ == "Conv1D" for layer in layers.values()),
        "modules_to_save": ["score"] if scored else None,
        "bias": "none",
        "inference_mode": True,
    }


def _relative(reference: str, folder: Path) -> str:
    """A base inside the run is named from the adapter, so that the run folder can move."""
    return Path(os.path.relpath(reference, folder)).as_posix() if Path(reference).exists() else reference


def base_of(folder: Path) -> tuple[str, str | None]:
    """(reference, revision) of the base an adapter folder belongs to."""
    config = read_json(folder / CONFIG)
    name = str(config["base_model_name_or_path"])
    beside = (folder / name).resolve()
    return (str(beside) if beside.is_dir() else name), config.get("revision")


def template_of(folder: Path) -> Template:
    return load_template((folder / TEMPLATE).read_text(encoding="utf-8"))


def notes_of(folder: Path) -> AdapterNotes:
    return AdapterNotes.model_validate(read_json(folder / NOTES))


UNLIKE_OURS = ("use_dora", "alpha_pattern", "rank_pattern", "alora_invocation_tokens")
"""Options with which PEFT computes something else from the same two matrices."""
MOVES_THE_BASE = ("pissa", "olora", "corda")
"""Ways to start an adapter that also change the weights of the base when it is loaded."""


def lora_of(folder: Path) -> LoraSettings:
    """Raises EnvironmentProblem where PEFT would make something else of the folder than a plain LoRA."""
    config = read_json(folder / CONFIG)
    for option in UNLIKE_OURS:
        if config.get(option):
            raise _unlike(folder, option, config[option])
    if config.get("peft_type", "LORA") != "LORA":
        raise _unlike(folder, "peft_type", config["peft_type"])
    if str(config.get("init_lora_weights")).startswith(MOVES_THE_BASE):
        raise _unlike(folder, "init_lora_weights", config["init_lora_weights"])
    targets = config["target_modules"]
    if not isinstance(targets, list):  # a pattern
        raise _unlike(folder, "target_modules", targets)
    return LoraSettings(
        rank=config["r"],
        alpha=config["lora_alpha"],
        dropout=config.get("lora_dropout", 0.0),
        rslora=bool(config.get("use_rslora")),
        targets=tuple(sorted({str(target).rpartition(".")[2] for target in targets})),  # whole paths too
    )


def _unlike(folder: Path, option: str, value: object) -> EnvironmentProblem:
    return EnvironmentProblem("adapter-unlike", path=folder / CONFIG, option=option, value=value)


def load_role(model: RoleModel, role: str, folder: Path, *, trainable: bool = False) -> None:
    """Add `role` with the weights of a PEFT folder. Raises EnvironmentProblem unless its keys fit exactly."""
    if not (folder / WEIGHTS).is_file():
        raise EnvironmentProblem("adapter-missing", path=folder / WEIGHTS)
    stored = load_file(folder / WEIGHTS)
    model.add_role(role, lora_of(folder), trainable=trainable)
    if HEAD in stored:
        model.add_head(role, trainable=trainable)
    wanted = adapter_tensors(model, role)
    for name in sorted(set(wanted) ^ set(stored)):
        raise EnvironmentProblem("adapter-key", path=folder, key=name)
    for name, tensor in stored.items():
        if tensor.shape != wanted[name].shape:
            raise EnvironmentProblem(
                "adapter-shape",
                path=folder,
                key=name,
                got=list(tensor.shape),
                expected=list(wanted[name].shape),
            )
    _fill(model, role, stored)


def _fill(model: RoleModel, role: str, stored: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, layer in model.role_layers().items():
            if role in layer.A:
                layer.A[role].copy_(stored[f"base_model.model.{name}.lora_A.weight"])
                layer.B[role].copy_(stored[f"base_model.model.{name}.lora_B.weight"])
        if role in model.heads:
            model.score(role).copy_(stored[HEAD])


def _prove(base: Base, role: str, folder: Path, ours: dict[str, torch.Tensor]) -> None:
    """Read the folder back: its tensors must be ours, and the role must differ from the bare base."""
    moves = _moves(base, role)
    stored = load_file(folder / WEIGHTS)
    same = stored.keys() == ours.keys() and all(torch.equal(stored[name], ours[name]) for name in ours)
    if not same or not moves:
        raise EnvironmentProblem("adapter-empty", path=folder, role=role)


def _moves(base: Base, role: str) -> bool:
    """Whether the role answers anything else than the bare base."""
    ids = torch.arange(min(8, base.tokenizer.vocab_size), device=base.model.device)[None]
    positions = torch.arange(ids.shape[1], device=base.model.device)[None]
    with torch.no_grad():
        moved = base.model.hidden(ids, positions, Layout.all(role)) - base.model.hidden(
            ids, positions, Layout.all(None)
        )
    return bool(moved.any())
