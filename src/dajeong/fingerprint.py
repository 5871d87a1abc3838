"""What a step's result depends on, as a hash; and, when the hash changes, which part of it did.

The parts: kind and its version, seed, settings after `scale`, how the inputs are named, fingerprints of the
steps before, digests of files and folders from outside. Not in it: threads, paths, the code, the time, and
settings marked `aside`, such as what a service costs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.recipe import Step
from dajeong.records import Frozen
from dajeong.settings_reader import paths_in
from dajeong.storage import digest_file, digest_json

LARGE_FILE = 64 * 1024 * 1024
EDGE = 1024 * 1024


class Reason(NamedTuple):
    """A sentence of `messages` that says why a step runs."""

    code: str
    parameters: dict[str, object]


def parts_of(step: Step, seed: int, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """All that the result depends on, as plain JSON. `fingerprints` has those of the steps before."""
    settings = step.settings.model_dump(mode="json", exclude=_aside(step.settings))
    outside = dict(_outside(step, settings))
    labels = {str(path): label for label, path in outside.items()}
    return {
        "kind": step.use,
        "version": step.kind.version,
        "seed": seed,
        "settings": _relabelled(settings, labels),
        "inputs": {field: [ref.written for ref in refs] for field, refs in step.inputs.items()},
        "steps": {name: fingerprints[name] for name in step.waits_for},
        "files": {label: digest_outside(path) for label, path in outside.items()},
    }


def _aside(value: Any) -> dict[Any, Any]:
    """Where in the settings lies what no result depends on (marked `aside`), as pydantic excludes it."""
    marked: dict[Any, Any] = {}
    parts: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, Frozen):
        fields = type(value).model_fields
        marked = {name: True for name in fields if _is_aside(fields[name].json_schema_extra)}
        parts = [(name, getattr(value, name)) for name in fields if name not in marked]
    below = {name: _aside(part) for name, part in parts if isinstance(part, Frozen | dict | tuple)}
    return marked | {name: found for name, found in below.items() if found}


def _is_aside(extra: object) -> bool:
    return isinstance(extra, dict) and bool(extra.get("aside"))


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    return digest_json(parts)


def _outside(step: Step, settings: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Files and folders outside the run, labelled by the end of their path: moved data is the same."""
    references = [ref.path for refs in step.inputs.values() for ref in refs if ref.path]
    folders = [Path(text) for text in settings.values() if _names_a_folder(text)]
    seen: dict[str, Path] = {}
    for path in [*references, *paths_in(step.settings), *folders]:
        label = "/".join(path.parts[-2:])
        while seen.get(label, path) != path:
            label += "'"
        seen[label] = path
        yield label, path


def _names_a_folder(value: object) -> bool:
    """A setting such as `model` may name a folder on this machine."""
    return isinstance(value, str) and len(value) < 4096 and Path(value).is_absolute() and Path(value).is_dir()


def _relabelled(value: Any, labels: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _relabelled(item, labels) for key, item in value.items()}
    if isinstance(value, list):
        return [_relabelled(item, labels) for item in value]
    return labels.get(value, value) if isinstance(value, str) else value


def digest_outside(path: Path) -> str:
    """A hash of a file's or folder's content. In a folder, of a file above 64 MiB only size and ends."""
    if path.is_file():
        return _digest_once(path, path.stat().st_size, path.stat().st_mtime_ns)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return digest_json([(file.relative_to(path).as_posix(), _digest_in_folder(file)) for file in files])


@lru_cache(maxsize=4096)
def _digest_once(path: Path, size: int, changed_ns: int) -> str:
    """Several steps may read the same large file; size and time are there to notice a change in between."""
    return digest_file(path)


def _digest_in_folder(file: Path) -> str:
    """Weights are tens of gigabytes; a look at every byte would cost minutes before each run."""
    size = file.stat().st_size
    if size <= LARGE_FILE:
        return digest_file(file)
    with file.open("rb") as opened:
        head = opened.read(EDGE)
        opened.seek(-EDGE, 2)
        tail = opened.read()
    return hashlib.sha256(b"%d" % size + head + tail).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Reason]:
    """Which parts changed, in words."""
    steps = _changes(old.get("steps", {}), new["steps"])
    files = _changes(old.get("files", {}), new["files"])
    reasons = [
        *(
            Reason("why-setting", {"key": key, "old": before, "new": after})
            for key, before, after in _values(old, new)
        ),
        *(Reason("why-step", {"step": key}) for key, before, after in steps if before and after),
        *(Reason("why-file", {"file": key}) for key, before, after in files if after),
    ]
    # a shared key such as `seed` may be a step's setting too: one change, one reason
    return [reason for index, reason in enumerate(reasons) if reason not in reasons[:index]]


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    named = ("kind", "version", "seed")
    return [
        *_changes({key: old.get(key) for key in named}, {key: new[key] for key in named}),
        *_changes(dict(_flat(old.get("settings", {}))), dict(_flat(new["settings"]))),
        *_changes(old.get("inputs", {}), new["inputs"]),
    ]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, before, after) of every key whose value differs; None where it was absent."""
    keys = dict.fromkeys([*new, *old])
    return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
