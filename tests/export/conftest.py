"""One small run and its exports for the whole session; tests copy before they change one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "models"))  # the tiny families

from families import write_family
from small_export import handed, make_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a GPT-NeoX with a trained adapter."""
    root = tmp_path_factory.mktemp("export")
    write_family(root / "neox", "neox")
    return make_run(root / "run", root / "neox")


@pytest.fixture(scope="session")
def merged(run: Path) -> Path:
    handed(run, run.parent / "merged", "merged")
    return run.parent / "merged"
