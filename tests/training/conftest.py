"""One set of tiny models for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
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
