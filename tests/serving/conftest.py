"""One small run and one server of it for all tests that only ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from small_server import Running, serving, write_run

from dajeong.serving.shelf import Shelf, load_shelf


@pytest.fixture(scope="session")
def small_served_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("served")
    write_run(run)
    return run


@pytest.fixture(scope="session")
def shelf(small_served_run: Path) -> Shelf:
    return load_shelf(str(small_served_run))


@pytest.fixture(scope="session")
def running(small_served_run: Path) -> Iterator[Running]:
    """Asked by many tests: leave it as it was."""
    with serving(lambda: load_shelf(str(small_served_run))) as found:
        yield found


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[OpenAI]:
    with running.client() as found:
        yield found
