"""A data set of the Hugging Face Hub, or a folder one was saved to, as rows. Knows no schema.

Only what the `datasets` library reads as data: no code of a repository is run.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dajeong.data.parquet import plain_row
from dajeong.data.rows import BadRow, Row
from dajeong.data.settings import HubSettings
from dajeong.errors import EnvironmentProblem


def hub_rows(hub: HubSettings) -> Iterator[Row | BadRow]:
    """Rows in the data set's order, streamed. Raises EnvironmentProblem: no `datasets`, not reachable."""
    library = _library()
    try:
        for number, value in enumerate(_opened(library, hub), start=1):
            yield plain_row(number, value)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as problem:
        said = (str(problem).splitlines() or [""])[0][:200] or type(problem).__name__
        raise EnvironmentProblem("hub-unreachable", name=hub.name, split=hub.split, problem=said) from problem


def _library() -> Any:
    try:
        library = importlib.import_module("datasets")
    except ImportError as problem:
        raise EnvironmentProblem("extra-missing", needed_for="datasets", extra="datasets") from problem
    library.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else every data set that is opened is reported
    return library


def _opened(library: Any, hub: HubSettings) -> Any:
    folder = Path(hub.name)
    if (folder / "dataset_dict.json").is_file():
        return library.load_from_disk(hub.name)[hub.split]
    if (folder / "state.json").is_file():
        return library.load_from_disk(hub.name)
    return library.load_dataset(hub.name, hub.subset, split=hub.split, revision=hub.revision, streaming=True)
