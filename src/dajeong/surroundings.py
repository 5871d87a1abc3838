"""The process a step runs in: its threads, and the versions that decide its numbers. Never loads torch."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

PACKAGES = ("dajeong", "torch", "transformers", "tokenizers", "numpy")


def use_threads(wanted: int | None) -> int:
    """Set the thread count; where the recipe has none, the environment's own, else every core we may use."""
    threads = wanted or int(os.environ.get("OMP_NUM_THREADS") or num_cores())
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # a waiting thread looks up this often before it sleeps: long enough for the gap between two small
    # products, short enough not to burn a core beside a busy neighbour
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # the environment is read once, when torch is loaded; after that it must be told
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    return threads


def num_cores() -> int:
    """Cores this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Of Python and the libraries that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
