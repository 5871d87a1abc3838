"""Under what conditions a measurement was taken: machine, versions, load. Standard library only."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy")


def machine() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vector": _vector(),
        "system": platform.platform(),
        "load_average": load(),
    }


def load() -> list[float]:
    """Of 1, 5 and 15 minutes; our own measured process counts as 1."""
    return [round(value, 2) for value in os.getloadavg()]


def versions(python: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Of the interpreter and the packages it finds."""
    code = (
        "import json, platform; from importlib import metadata as m\n"
        "def v(p):\n try: return m.version(p)\n except m.PackageNotFoundError: return None\n"
        f"found = {{p: v(p) for p in {packages}}}\n"
        "print(json.dumps({'python': platform.python_version(), **{p: x for p, x in found.items() if x}}))"
    )
    answer = subprocess.run([str(python), "-c", code], check=True, capture_output=True, encoding="utf-8")
    return dict(json.loads(answer.stdout))


def _cpu() -> str:
    return _field("model name") or platform.processor() or platform.machine()


def _vector() -> str:
    flags = set(_field("flags").split())
    return "+".join(name for name in ("avx2", "avx512f", "amx_tile") if name in flags) or "unknown"


def _field(name: str) -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""
