"""What must not leave with a model: keys, personal data, places on this machine, files of other kinds.

Reads every text of a folder, and what weight files say about themselves. Changes nothing, sends nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dajeong.data.filters.personal import found_in
from dajeong.remote.secrets import SHORTEST_SECRET

SECRETS = re.compile(
    r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}|\bxox[abprs]-[0-9A-Za-z-]{10,}"
    r"|\b(?:gsk|xai|pk|rk)[-_][A-Za-z0-9_-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?i:\bbearer\s+[A-Za-z0-9._~+/-]{16,})|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx\b"
    r"|(?i:(?:api[_-]?key|secret|passwd|password|access[_-]?token|auth[_-]?token))[\"']?\s*[:=]\s*[\"']?[^\s\"'<{]{8,}"
    r"|(?<=//)[^/\s@:]+:[^/\s@]+@"
)
PATHS = re.compile(
    r"(?<![\w/.:-])/(?:home|Users|root|mnt|media|srv|opt|var|tmp|work|workspace|content|data\d*|scratch)"
    r"(?:/[^\s\"'`<>|\\]+)+|\b[A-Za-z]:\\+(?:Users|Documents|home)\\+[^\s\"'<>|]+|\bfile:///?[^\s\"']+"
)
SECRET_VARIABLE = re.compile(r"(?i)(?:key|token|secret|password)$")
TEXTS = {".json", ".jinja", ".md", ".txt", ".yaml", ".yml", ".jsonl"}
NAMES = {"Modelfile", "LICENSE", "NOTICE"}
LONGEST_HEADER = 64 * 1024 * 1024
"""Bytes of a safetensors header, far above any that is true."""


class Found(NamedTuple):
    file: str
    line: int
    """From 1; 0 is the file itself."""
    kind: str
    """`secret`, `path`, `file`, or a kind of personal data."""
    shown: str
    """What it is, most of it struck out."""


def scan(folder: Path) -> list[Found]:
    """Everything in the folder that must not leave, in the order of its files."""
    held = tuple(_held_secrets())
    found: list[Found] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (path.is_file() and _is_foreign(path)):
            found.append(Found(name, 0, "file", path.name))
        elif path.is_file():
            found += _in_file(path, name, held)
    return found


def _is_foreign(path: Path) -> bool:
    """Neither weights that run no code, nor a text that can be read here."""
    return path.suffix not in {".safetensors", ".gguf", *TEXTS} and path.name not in NAMES


def _in_file(path: Path, name: str, held: tuple[str, ...]) -> Iterator[Found]:
    for number, line in enumerate(_lines(path), start=1):
        for match in (*SECRETS.finditer(line), *PATHS.finditer(line)):
            kind = "secret" if match.re is SECRETS else "path"
            yield Found(name, number, kind, _struck(match[0]))
        for secret in held:
            if secret in line:
                yield Found(name, number, "secret", _struck(secret))
        for find in found_in(line):
            yield Found(name, number, find.kind, _struck(find.text))


def _lines(path: Path) -> Iterator[str]:
    if path.suffix == ".safetensors":
        yield from _header(path)
    elif path.suffix == ".gguf":
        yield from _gguf_texts(path)
    else:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from text.split("\n")
        if path.suffix in (".json", ".jsonl") and "\\u" in text:
            yield from _unescaped(text)


def _unescaped(text: str) -> Iterator[str]:
    """The texts of JSON once more, as they read without escapes."""
    for line in (text, *text.split("\n")):
        try:
            yield json.dumps(json.loads(line), ensure_ascii=False)
        except ValueError:
            continue


def _header(path: Path) -> Iterator[str]:
    """Names of tensors and notes beside them."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        yield file.read(min(length, LONGEST_HEADER)).decode("utf-8", "replace")


def _gguf_texts(path: Path) -> Iterator[str]:
    from dajeong.export.gguf import package

    gguf = package()
    for field in gguf.GGUFReader(path).fields.values():
        if gguf.GGUFValueType.STRING in field.types:
            held = field.contents()
            for text in [held] if isinstance(held, str) else held:
                yield from text.split("\n")


def _held_secrets() -> Iterator[str]:
    """Keys that this process holds: whatever they look like, they must not be there."""
    for name, value in os.environ.items():
        if SECRET_VARIABLE.search(name) and len(value.strip()) >= SHORTEST_SECRET:
            yield value.strip()


def _struck(text: str) -> str:
    """Enough to find it again, too little to use it."""
    return f"{text[:4]}…({len(text)})"
