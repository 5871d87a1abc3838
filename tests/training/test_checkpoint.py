"""Checkpoints: two kept, whole or not at all, checked before use, and refused under other circumstances."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dajeong.errors import EnvironmentProblem
from dajeong.progress import Quiet
from dajeong.training.checkpoint import FILES, Checkpoint, Checkpoints
from dajeong.training.loop import circumstances

IDENTITY = {"threads": 2, "world": 1, "role": "sft"}


class Heard(Quiet):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, code: str, **parameters: object) -> None:
        self.said.append((code, parameters))


def at(update: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(update)
    tensors = {"a": torch.randn(3, 5, generator=generator), "step/a": torch.tensor(float(update))}
    return Checkpoint(
        update, tensors, {"algorithm": {"done": update, "text": "다정"}, "journal": 10 * update}
    )


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def three(tmp_path: Path, heard: Heard) -> Checkpoints:
    """Checkpoints of which three were saved."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", IDENTITY, heard)
    for update in (8, 9, 10):
        checkpoints.save(at(update))
    return checkpoints


def newest(checkpoints: Checkpoints) -> Path:
    return checkpoints.folder / "update-00000010"


def test_there_is_none_before_the_first(tmp_path: Path, heard: Heard) -> None:
    assert Checkpoints(tmp_path / "checkpoints", IDENTITY, heard).latest() is None


def test_the_newest_two_are_kept_and_the_newest_comes_back_unchanged(three: Checkpoints) -> None:
    assert kept(three.folder) == ["update-00000009", "update-00000010"]
    found, wanted = three.latest(), at(10)
    assert found is not None and found.update == 10 and found.values == wanted.values
    assert found.tensors.keys() == wanted.tensors.keys()
    assert all(torch.equal(found.tensors[name], wanted.tensors[name]) for name in wanted.tensors)


def test_views_and_tensors_with_gradients_are_saved_by_value(tmp_path: Path, heard: Heard) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", IDENTITY, heard)
    weight = torch.randn(4, 6, requires_grad=True)
    checkpoints.save(Checkpoint(1, {"turned": weight.T, "whole": weight}, {}))
    found = checkpoints.latest()
    assert found is not None and torch.equal(found.tensors["turned"], weight.detach().T)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("harm", [cut, flip, remove])
def test_R04_a_damaged_newest_one_is_named_and_passed_over(
    three: Checkpoints, heard: Heard, name: str, harm: Callable[[Path], None]
) -> None:
    harm(newest(three) / name)
    found = three.latest()
    assert found is not None and found.update == 9
    assert heard.said == [("checkpoint-damaged", {"path": newest(three)})]


def test_where_all_are_damaged_there_is_none(three: Checkpoints, heard: Heard) -> None:
    for folder in three.folder.iterdir():
        flip(folder / FILES[0])
    assert three.latest() is None and len(heard.said) == 2


@pytest.mark.parametrize("name", IDENTITY)
def test_other_circumstances_are_refused_by_name(three: Checkpoints, heard: Heard, name: str) -> None:
    other = Checkpoints(three.folder, IDENTITY | {name: "other"}, heard)
    with pytest.raises(EnvironmentProblem) as caught:
        other.latest()
    assert caught.value.code == "checkpoint-differs"
    assert caught.value.parameters["name"] == name and caught.value.parameters["found"] == IDENTITY[name]
    assert str(newest(three)) in str(caught.value)


def test_threads_and_torch_are_part_of_the_circumstances() -> None:
    found = circumstances({"role": "sft"})
    assert found["threads"] == torch.get_num_threads() and "world" not in found
    assert found["torch"] == torch.__version__ and found["role"] == "sft" and found["capability"]


def test_what_a_killed_save_left_is_no_checkpoint_and_is_written_over(
    three: Checkpoints, heard: Heard
) -> None:
    left = three.folder / "update-00000011.tmp"
    left.mkdir()
    (left / FILES[0]).write_bytes(b"half")
    found = three.latest()
    assert found is not None and found.update == 10 and not heard.said
    three.save(at(11))
    assert kept(three.folder) == ["update-00000010", "update-00000011"]


def test_a_tensor_that_is_not_a_number_is_kept_as_it_is(tmp_path: Path, heard: Heard) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", IDENTITY, heard)
    checkpoints.save(Checkpoint(1, {"odd": torch.tensor([float("nan"), float("inf"), -0.0])}, {}))
    found = checkpoints.latest()
    assert found is not None
    assert found.tensors["odd"].isnan().tolist() == [True, False, False]
