"""What the reference says of every answer, read once before the run and kept beside its checkpoints.

A file is named and marked by a hash of the answers and of the reference's weights: other data or another
adapter find none. Knows no loss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dajeong.models.adapters import adapter_tensors
from dajeong.models.base import Base
from dajeong.models.layout import Role
from dajeong.models.scoring import fill
from dajeong.models.tokenize import Tokens
from dajeong.storage import write_bytes
from dajeong.training.budgets import ON_CPU
from dajeong.training.lockstep import lockstep
from dajeong.training.parallel import Parallel
from dajeong.training.preference_batches import Roles, packed, read, reading_columns
from dajeong.training.preference_examples import Atom
from dajeong.training.preference_settings import ReferenceSettings
from dajeong.workplace import Workplace

A = TypeVar("A", bound=Atom)


def with_references(
    atoms: Sequence[A], base: Base, role: Role, budget: int, folder: Path, parallel: Parallel
) -> list[A]:
    """The same atoms, each with log π_ref of its answers: from `folder`, or read now by all processes."""
    answers = [answer for atom in atoms for answer in atom.answers]
    mark = digest_of(answers, base, role)
    path = folder / f"reference-{mark[:16]}.safetensors"
    known = _kept(path, mark)
    if int(parallel.sum(torch.tensor([known is not None]).long())) < parallel.world:
        known = _read_all(answers, base, role, budget, parallel)
        if parallel.rank == 0:
            write_bytes(path, save({"logprobs": known}, {"mark": mark}))
    assert known is not None
    sums = iter(known.tolist())
    return [replace(atom, reference=tuple(next(sums) for _ in atom.answers)) for atom in atoms]


def referred(
    atoms: Sequence[A],
    held_out: Sequence[A],
    base: Base,
    role: Role,
    settings: ReferenceSettings,
    work: Workplace,
    parallel: Parallel,
) -> tuple[list[A], list[A]]:
    """Both sets, with what the reference says of them where the settings want it read before the run."""
    if settings.reference_logprobs == "forward":
        return list(atoms), list(held_out)
    folder, budget = work.folder / "checkpoints", settings.tokens_per_micro_batch or ON_CPU
    known = with_references([*atoms, *held_out], base, role, budget, folder, parallel)
    return known[: len(atoms)], known[len(atoms) :]


def digest_of(answers: Sequence[Tokens], base: Base, role: Role) -> str:
    """Of what the sums depend on: every id and mask, the base's name, the reference's weights to the bit."""
    found = hashlib.sha256(f"{base.reference}\x1f{base.revision}\x1f{base.model.base.dtype}".encode())
    for answer in answers:
        row = [len(answer.ids), *answer.ids, *answer.learn]
        found.update(np.asarray(row, dtype=np.int64).tobytes())
    for name, tensor in sorted(_weights(base, role).items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    if role is not None:
        found.update(base.model.lora[role].model_dump_json().encode())
    return found.hexdigest()


def _weights(base: Base, role: Role) -> Mapping[str, Tensor]:
    """An adapter's, or all of the base's where the base itself is the reference."""
    return adapter_tensors(base.model, role) if role is not None else base.model.base.state_dict()


def _kept(path: Path, mark: str) -> Tensor | None:
    """What an earlier start has read; a file that is torn or of something else counts as absent."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            known = (file.metadata() or {}).get("mark") == mark
            return file.get_tensor("logprobs") if known else None
    except (SafetensorError, OSError):
        return None


def _read_all(answers: Sequence[Tokens], base: Base, role: Role, budget: int, parallel: Parallel) -> Tensor:
    """(S,) float64, every process reading its share."""
    lengths = [len(answer.ids) for answer in answers]
    order = sorted(range(len(answers)), key=lambda index: lengths[index])
    mine = list(fill(order, lengths, budget))[parallel.rank :: parallel.world]
    found: list[tuple[int, float]] = []
    with torch.no_grad(), base.model.measuring(), lockstep(parallel, base.model):
        for indices in mine:
            part = [answers[index] for index in indices]
            outputs = base.model(packed(part, Roles(role, together=False), base.model.device))
            sums = read(outputs.logprobs, reading_columns(part, ()), False).policy
            found += zip(indices, sums.tolist(), strict=True)
    values = torch.zeros(len(answers), dtype=torch.float64)
    for index, value in parallel.gather(found):
        values[index] = value
    return values
