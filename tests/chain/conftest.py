"""One uninterrupted run, and one process to fork others from, for all tests of the chain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from small_run import Done, Nursery, arguments, environment, nursery_in

MEASURED = """\
import resource, sys
from pathlib import Path
from dajeong.cli import main
code = main(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Path(sys.argv[1]).write_text(str(peak), encoding="utf-8")
sys.exit(code)
"""


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this test session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "chain"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def whole(shared_folder: Path) -> Path:
    """The run folder of a small run that nothing disturbed, in a process of its own; never written to."""
    run = shared_folder / "whole"
    with FileLock(shared_folder / "whole.lock"):
        if not (shared_folder / "peak").is_file():
            command = [sys.executable, "-c", MEASURED, str(shared_folder / "peak"), *arguments(run)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
            assert done.returncode == 0, done.stderr
            for name, said in (("out", done.stdout), ("err", done.stderr)):
                (shared_folder / name).write_text(said, encoding="utf-8")
    return run


@pytest.fixture(scope="session")
def whole_said(whole: Path, shared_folder: Path) -> Done:
    """What the undisturbed run said."""
    return Done(0, *((shared_folder / name).read_text(encoding="utf-8") for name in ("out", "err")))


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery_in(tmp_path_factory.mktemp("nursery")) as found:
        yield found
