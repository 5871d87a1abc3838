"""What this machine has, with the command that installs what is missing. Changes nothing.

Knows packages and devices; loads no weight and asks no network.
"""

from __future__ import annotations

import locale
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from dajeong.records import Frozen
from dajeong.surroundings import num_cores, versions

State = Literal["fine", "missing", "note"]
GIB = 1 << 30
LITTLE_DISK = 20 * GIB
"""Free space below which a run with checkpoints of a large model may not fit."""


class Check(Frozen):
    """One thing that was looked at; its words are `machine-<code>`."""

    code: str
    state: State
    value: str
    advice: str = ""
    """A command to copy; empty where nothing need be done."""


def machine(folder: Path) -> list[Check]:
    """This machine, with runs kept in `folder`."""
    return [*_software(), *_devices(), *_room(folder), *_surroundings(), *_extras()]


def _software() -> Iterator[Check]:
    for package, version in versions().items():
        wanted = _range(package)
        fits = not wanted or _within(version, wanted)
        advice = "" if fits else f"pip install '{package}{wanted}'"
        yield Check(
            code="version", state="fine" if fits else "missing", value=f"{package} {version}", advice=advice
        )


def _range(package: str) -> str:
    """What our own metadata ask of a package."""
    for line in metadata.requires("dajeong") or []:
        name, wanted = _requirement(line)
        if name == package and "extra ==" not in line:
            return wanted
    return ""


def _requirement(line: str) -> tuple[str, str]:
    """`torch<2.14,>=2.11; extra == "x"` → (torch, <2.14,>=2.11)."""
    found = re.match(r"([\w.-]+)(?:\[[^]]*])?\s*([^;]*)", line)
    assert found
    return found[1].lower().replace("_", "-"), found[2].strip()


def _within(version: str, wanted: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)


def _devices() -> Iterator[Check]:
    import torch

    if not torch.cuda.is_available():
        yield Check(code="device", state="note", value=f"CPU, {torch.backends.cpu.get_cpu_capability()}")
        return
    for number in range(torch.cuda.device_count()):
        found: Any = torch.cuda.get_device_properties(number)
        free, total = torch.cuda.mem_get_info(number)
        value = f"{found.name}, {total / GIB:.0f} GiB, {free / GIB:.0f} GiB free"
        yield Check(code="device", state="fine", value=value)


def _room(folder: Path) -> Iterator[Check]:
    yield Check(code="cores", state="fine" if num_cores() > 1 else "note", value=str(num_cores()))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield Check(code="memory", state="fine", value=f"{total / GIB:.0f} GiB")
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    state: State = "fine" if free >= LITTLE_DISK else "note"
    yield Check(code="disk", state=state, value=f"{free / GIB:.0f} GiB, {place.absolute()}")


def _surroundings() -> Iterator[Check]:
    encoding = (sys.stdout.encoding or "-").lower()
    hangul = encoding.replace("-", "") == "utf8"
    advice = "" if hangul else "export PYTHONUTF8=1"
    spoken = ".".join(part for part in locale.getlocale() if part) or "C"
    yield Check(
        code="locale", state="fine" if hangul else "missing", value=f"{spoken}, {encoding}", advice=advice
    )
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    yield Check(
        code="offline" if offline else "online", state="note" if offline else "fine", value=str(_cache())
    )


def _cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _extras() -> Iterator[Check]:
    for extra, packages in sorted(packages_by_extra().items()):
        lacking = [name for name in packages if not is_installed(name)]
        value = f"{extra}: {', '.join(lacking or packages)}"
        advice = f"pip install 'dajeong[{extra}]'" if lacking else ""
        yield Check(code="extra", state="note" if lacking else "fine", value=value, advice=advice)


def packages_by_extra() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in metadata.requires("dajeong") or []:
        if named := re.search(r"extra == ['\"]([\w-]+)['\"]", line):
            found[named[1]].append(_requirement(line)[0])
    return dict(found)


def is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
