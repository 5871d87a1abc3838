"""One set of tiny models for the whole session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from parallel_child import one_begins
from small_training import write_models
from zero_child import PHASES

from dajeong.models.base import Base, load_base

ZERO = ("zero2", "zero3")
TOGETHER = (ZERO, ("ddp", "fsdp2"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base`, `sft`, `reward-kind` and `reward-firm`; nobody writes here."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def tiny(models: Path) -> Base:
    """The base and its tokenizer, for tests that change neither."""
    return load_base(str(models / "base"))


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float64 all the way: where the code says `.float()` for logits, heads and means, it gets a double."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


@pytest.fixture(scope="session")
def together(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left that trained together; made once for all workers of the session."""
    return _once(tmp_path_factory, "together", lambda answers: _pair("ddp_child.py", models, answers))


class _Ways(dict[str, Path]):
    """Way to share → what two processes left that shared in this way; one pair for all that go together."""

    def __init__(self, models: Path, factory: pytest.TempPathFactory) -> None:
        self.models, self.factory = models, factory

    def __missing__(self, way: str) -> Path:
        ways = next(ways for ways in TOGETHER if way in ways)
        answers = _once(self.factory, "-".join(ways), lambda answers: self._share(ways, answers))
        return answers / way

    def _share(self, ways: tuple[str, ...], answers: Path) -> None:
        for way in ways:
            one_begins(self.models, answers / way)
        if ways == ZERO:
            ports = [_free_port() for _ in PHASES]
            _pair("zero_child.py", self.models, answers, *ports, strict=False, timeout=570)
        else:
            _pair("parallel_child.py", self.models, answers, *ways, timeout=480)


@pytest.fixture(scope="session")
def shared_ways(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _Ways(models, tmp_path_factory)


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    base = factory.getbasetemp()
    answers = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{answers}.lock"):
        if not answers.is_dir():
            make(answers)
    return answers


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _pair(
    child: str, models: Path, answers: Path, *ways: str, strict: bool = True, timeout: int = 280
) -> None:
    """Two processes of `child` that know of each other; `strict` where all they warn of is ours."""
    port, warnings = _free_port(), ["-W", "error::FutureWarning" if strict else "ignore::FutureWarning"]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    place = Path(__file__).with_name(child)
    processes = [
        subprocess.Popen(
            [sys.executable, *warnings, str(place), str(models), str(answers), *ways],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        errors = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
