"""One folder per architecture for the whole session; tests copy before they change one."""

from __future__ import annotations

from pathlib import Path

import pytest
from families import FAMILIES, write_family


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Architecture → an ordinary Hugging Face folder."""
    root = tmp_path_factory.mktemp("families")
    for family in FAMILIES:
        write_family(root / family, family)
    return {family: root / family for family in FAMILIES}
