"""Checkpoints of one step: written whole, verified before use, two kept. Safetensors and JSON, no pickle.

A folder holds `tensors.safetensors`, `state.json` and, last, `manifest.json` with the size and sha256 of
both.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file, save_file
from torch import Tensor

from dajeong.errors import EnvironmentProblem
from dajeong.progress import Progress
from dajeong.storage import digest_file, disk_problem, read_json, whole_folder, write_json

KEPT = 2
FILES = ("tensors.safetensors", "state.json")


class Checkpoint(NamedTuple):
    update: int
    tensors: dict[str, Tensor]
    values: dict[str, Any]


class Checkpoints:
    """The checkpoints of a step, under `folder`; `identity` must not change between save and resume."""

    def __init__(self, folder: Path, identity: dict[str, Any], progress: Progress) -> None:
        self.folder = folder
        self.identity = identity
        self.progress = progress

    def save(self, checkpoint: Checkpoint) -> None:
        """Write beside, flush, rename; then forget old ones.

        Raises EnvironmentProblem where the disk refuses: what was needed, and what is left to go on from.
        """
        needed = sum(tensor.numel() * tensor.element_size() for tensor in checkpoint.tensors.values())
        place = self.place(checkpoint.update)
        try:
            self._need_room(needed)
            self._write(place, checkpoint)
        except Exception as problem:
            refusal = problem if isinstance(problem, EnvironmentProblem) else disk_problem(problem, place)
            if refusal is None:
                raise
            last = next((folder.name for folder in self._folders()), "-")
            raise EnvironmentProblem(
                "checkpoint-unwritten", path=place, needed=_mib(needed), problem=refusal, last=last
            ) from problem
        for old in self._folders()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)  # one that stays is in nobody's way

    def _write(self, folder: Path, checkpoint: Checkpoint) -> None:
        with whole_folder(folder) as place:
            tensors = {
                name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
            }
            save_file(tensors, place / FILES[0])
            write_json(
                place / FILES[1],
                {"update": checkpoint.update, "identity": self.identity, **checkpoint.values},
            )
            digests = {
                name: {"size": (place / name).stat().st_size, "sha256": digest_file(place / name)}
                for name in FILES
            }
            write_json(place / "manifest.json", digests)

    def place(self, update: int) -> Path:
        return self.folder / f"update-{update:08d}"

    def latest(self) -> Checkpoint | None:
        """The newest sound checkpoint; damaged ones are named and passed over.

        Raises EnvironmentProblem where it belongs to other circumstances.
        """
        for folder in self._folders():
            if not _is_sound(folder):
                self.progress.say("checkpoint-damaged", path=folder)
                continue
            values = read_json(folder / FILES[1])
            self._refuse_other(folder, values.pop("identity"))
            return Checkpoint(values.pop("update"), load_file(folder / FILES[0]), values)
        return None

    def _folders(self) -> list[Path]:
        return sorted((path for path in self.folder.glob("update-*") if path.suffix != ".tmp"), reverse=True)

    def _refuse_other(self, folder: Path, found: dict[str, Any]) -> None:
        for name, value in self.identity.items():
            if found.get(name) != value:
                raise EnvironmentProblem(
                    "checkpoint-differs", path=folder, name=name, found=found.get(name), now=value
                )

    def _need_room(self, needed: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < 2 * needed:
            raise EnvironmentProblem("disk-room", needed=_mib(2 * needed), free=_mib(free))


def _mib(number: int) -> str:
    return f"{number / 2**20:,.1f}"


def _is_sound(folder: Path) -> bool:
    try:
        digests = read_json(folder / "manifest.json")
        return all(
            (folder / name).stat().st_size == digests[name]["size"]
            and digest_file(folder / name) == digests[name]["sha256"]
            for name in FILES
        )
    except Exception:  # whatever is wrong with it, an older one may be sound
        return False
