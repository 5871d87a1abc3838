"""One set of tiny models for the whole session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from small_training import write_models

from dajeong.models.base import Base, load_base


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
    base = tmp_path_factory.getbasetemp()
    answers = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "together"
    with FileLock(f"{answers}.lock"):
        if not answers.is_dir():
            _train_together(models, answers)
    return answers


def _train_together(models: Path, answers: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    child = Path(__file__).with_name("ddp_child.py")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error::FutureWarning", str(child), str(models), str(answers)],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        errors = [process.communicate(timeout=280)[1] for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
