"""YAML as a recipe needs it: plain values and the line of every key. Knows nothing of recipes.

Departures from PyYAML's loaders: YAML 1.2 core scalars (`1e-4` is a number, `no` and `12:30` are strings), no
anchors, aliases, tags or repeated keys. Values are built from the parser's events, so depth and size are
bounded before anything is built. JSON is read as the YAML it nearly is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dajeong.errors import DataProblem, UsageProblem

MAX_BYTES = 1_000_000
MAX_DEPTH = 32

KeyPath = tuple[str | int, ...]

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_MAX_DIGITS = 300


@dataclass(frozen=True)
class Document:
    """The value of a file, and the line each of its keys and items stands on."""

    name: str
    value: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line of the key at `path`, or of its nearest parent that has one."""
        parents = (path[:end] for end in range(len(path), -1, -1))
        return next((self.lines[parent] for parent in parents if parent in self.lines), 1)


def read(path: Path) -> Document:
    """Read a file. Raises DataProblem where it is missing, UsageProblem where it is not plain."""
    if not path.is_file():
        raise DataProblem("file-missing", path=path)
    if path.stat().st_size > MAX_BYTES:
        raise UsageProblem("yaml-too-large", path=path, size=path.stat().st_size, limit=MAX_BYTES)
    return parse(_decoded(path.read_bytes(), str(path)), str(path))


def parse(text: str, name: str) -> Document:
    """The value of `text`; `name` is what errors call it."""
    document = Document(name, None)
    try:
        events = yaml.parse(_without_tabs(text, name), Loader=yaml.SafeLoader)
        value = _Builder(document, events).document()
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise UsageProblem("yaml-syntax", path=name, line=line, problem=problem.problem) from problem
    except yaml.YAMLError as problem:
        first = str(problem).splitlines()[0]
        raise UsageProblem("yaml-syntax", path=name, line=1, problem=first) from problem
    return Document(name, value, document.lines)


def scalar(text: str, where: str) -> Any:
    """The value of an unquoted scalar by the YAML 1.2 core rules. `where` (file:line) is for the error."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _LEADING_ZERO.fullmatch(text) or _NOT_FINITE.fullmatch(text) or len(text) > _MAX_DIGITS:
        return _refused_number(text, where)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else _refused_number(text, where)
    return text


def _refused_number(text: str, where: str) -> str:
    if _LEADING_ZERO.fullmatch(text):
        plain = text[:40].lstrip("+-0") or "0"
        raise UsageProblem("yaml-leading-zero", where=where, value=text[:40], plain=plain)
    if _NOT_FINITE.fullmatch(text) or _FLOAT.fullmatch(text):
        raise UsageProblem("yaml-not-finite", where=where, value=text[:40])
    return text


def _decoded(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:200]:
        raise UsageProblem("file-encoding", path=name, offset=0, encoding="UTF-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        encoding = "CP949" if _reads_as_cp949(content) else "Latin-1"
        raise UsageProblem("file-encoding", path=name, offset=problem.start, encoding=encoding) from problem


def _reads_as_cp949(content: bytes) -> bool:
    try:
        content.decode("cp949")
    except UnicodeDecodeError:
        return False
    return True


def _without_tabs(text: str, name: str) -> str:
    """JSON may be indented with tabs, which YAML refuses; inside a JSON string a tab is illegal."""
    return text.replace("\t", " ") if name.endswith(".json") else text


class _Builder:
    """Turns parser events into values, noting lines on the way."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self.name = document.name
        self.lines = document.lines
        self.events = events

    def document(self) -> Any:
        value: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._problem("yaml-several-documents", event)
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, ())
        return value

    def _value(self, event: yaml.Event, path: KeyPath) -> Any:
        self._check_plain(event)
        if len(path) > MAX_DEPTH:
            raise self._problem("yaml-too-deep", event, limit=MAX_DEPTH)
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event)

    def _check_plain(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._problem("yaml-anchor", event)
        if (tag := getattr(event, "tag", None)) is not None:
            raise self._problem("yaml-tag", event, tag=tag)

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in values:
                first = self.lines[(*path, key)]
                raise self._problem("yaml-duplicate-key", event, key=key, first=first)
            self.lines[(*path, key)] = _line(event)
            values[key] = self._value(next(self.events), (*path, key))
        return values

    def _key(self, event: yaml.Event) -> str:
        """Keys are always strings, so that `no:` and `1:` stay what was written."""
        self._check_plain(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._problem("yaml-key", event)
        return _joined(event.value)

    def _sequence(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if event.style is None:
            return scalar(event.value, f"{self.name}:{_line(event)}")
        return _joined(event.value)

    def _problem(self, code: str, event: yaml.Event, **parameters: object) -> UsageProblem:
        return UsageProblem(code, path=self.name, line=_line(event), **parameters)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _joined(text: str) -> str:
    """JSON writes characters beyond U+FFFF as two escapes; here they become one character again."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
