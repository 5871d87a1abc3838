"""Renders an untrusted Jinja chat template, as transformers does, inside fixed bounds. Knows no segments.

The sandbox of jinja2 keeps a template from Python's internals; it does not keep it from filling the memory
or from never ending. Here every line a template runs is counted and every value it makes is bounded. It needs
few of either, because message contents are short stand-ins.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, wraps
from types import FrameType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, LoopControlExtension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from dajeong.errors import DataProblem

MAX_SOURCE = 100_000
"""Characters; the longest in use (tool calling in several languages) have some 20,000."""
MAX_VALUE = 100_000
"""Characters of one text, or items of one list, that a template may make."""
MAX_LINES = 50_000
"""Lines of compiled template run in one rendering."""
MAX_NUMBER = 1_000
"""Largest number given to a filter or method, beside `range`: such numbers are widths."""

_STR_METHODS = frozenset(
    (
        *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "join"),
        *("split", "rsplit", "splitlines", "partition", "rpartition", "startswith", "endswith"),
        *("find", "rfind", "index", "rindex", "count", "upper", "lower", "title", "capitalize"),
        *("isdigit", "isalpha", "isspace"),
    )
)
_FILTERS = frozenset(
    (
        *("abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float"),
        *("groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max"),
        *("min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr"),
        *("sort", "string", "sum", "title", "trim", "unique", "upper"),
    )
)


class TooMuch(jinja2.TemplateError):
    """A template asked for more than the bounds."""


def rendered(
    name: str, source: str, messages: Sequence[Mapping[str, str]], bos: str = "", eos: str = ""
) -> str:
    """The text of `messages` under the template. Raises DataProblem for whatever goes wrong in it."""
    try:
        template = _compiled(source)
        with _lines_counted():
            return template.render(
                messages=[dict(message) for message in messages],
                bos_token=bos,
                eos_token=eos,
                add_generation_prompt=False,
                tools=None,
                documents=None,
            )
    except Exception as problem:  # a template is a program of a stranger: anything can be raised in it
        text = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
        raise DataProblem("template-failed", template=name, problem=text) from problem


@lru_cache(maxsize=32)
def _compiled(source: str) -> jinja2.Template:
    if len(source) > MAX_SOURCE:
        raise TooMuch(f"the source has {len(source)} characters; at most {MAX_SOURCE}")
    return _Sandbox().from_string(source)


@contextmanager
def _lines_counted() -> Iterator[None]:
    """Inside, compiled templates stop after MAX_LINES; other code runs untouched."""
    left = MAX_LINES

    def count(frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        nonlocal left
        if frame.f_code.co_filename != "<template>":
            return None
        left -= 1
        if left < 0:
            raise TooMuch(f"it ran more than {MAX_LINES} lines")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


def _bounded(value: Any) -> Any:
    if isinstance(value, str | list | tuple | dict) and len(value) > MAX_VALUE:
        raise TooMuch(f"a value has {len(value)} parts; at most {MAX_VALUE}")
    return value


def _call_bounded(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    given = [*args, *keywords.values()]
    if any(isinstance(value, int) and abs(value) > MAX_NUMBER for value in given):
        raise TooMuch(f"a number above {MAX_NUMBER}")
    sizes = sorted(len(value) for value in given if isinstance(value, str | list))
    if len(sizes) > 1 and sizes[-1] * sizes[-2] > 10 * MAX_VALUE:  # `join` and `replace` multiply
        raise TooMuch("its arguments are too long")
    return _bounded(function(*args, **keywords))


def _filter_bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter inside the bounds; jinja2's marks (`pass_environment`…) stay on it."""

    @wraps(function)
    def bounded(*args: Any, **keywords: Any) -> Any:
        return _call_bounded(function, *args, **keywords)

    return bounded


def _concatenated(parts: Iterable[str]) -> str:
    texts, size = [], 0
    for part in parts:
        texts.append(part)
        size += len(part)
        if size > MAX_VALUE:
            raise TooMuch(f"its text grows beyond {MAX_VALUE} characters")
    return "".join(texts)


class _Generator(CodeGenerator):
    """Lets `~` go through the bounds too."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concat(str(part) for part in (")
        for child in node.nodes:
            self.visit(child, frame)
            self.write(", ")
        self.write("))")


class _Generation(Extension):
    """`{% generation %}` marks the assistant's text for trainers; here the mask is known anyway."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Names(Namespace):
    """`namespace()` without names that begin with an underscore."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a template may not set {name!r}")
        super().__setitem__(name, value)


class _Sandbox(ImmutableSandboxedEnvironment):
    """transformers' environment (`trim_blocks`, `lstrip_blocks`, loop controls, its `tojson`), bounded."""

    code_generator_class = _Generator
    concat = staticmethod(_concatenated)
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, LoopControlExtension],
            optimized=False,
        )
        self.filters = {name: _filter_bounded(self.filters[name]) for name in _FILTERS}
        self.filters["tojson"] = _filter_bounded(_tojson)
        self.globals = {
            "range": self.globals["range"],
            "dict": _dictionary,
            "namespace": _Names,
            "raise_exception": _raise_exception,
        }

    def wrap_str_format(self, value: Any) -> None:
        """No `str.format`: a width in it fills the memory. None leaves it to `is_safe_attribute`."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr not in _STR_METHODS:
            return False
        return bool(super().is_safe_attribute(obj, attr, value))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes = [len(value) if isinstance(value, str | list | tuple) else None for value in (left, right)]
        numbers = [value for value in (left, right) if isinstance(value, int)]
        wide = operator == "%" and isinstance(left, str) and re.search(r"\d{3}|\*", left)
        if operator == "**" or wide:
            raise TooMuch(f"the operator {operator} is not open to templates")
        if operator == "*" and numbers and (sizes[0] or sizes[1] or 1) * abs(numbers[0]) > MAX_VALUE:
            raise TooMuch("a product is too large")
        return _bounded(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, *args: Any, **keywords: Any) -> Any:
        function = super().call
        if obj is self.globals["range"]:
            return function(context, obj, *args, **keywords)
        whole = getattr(obj, "__self__", None)
        return _call_bounded(
            lambda *_args, **_keywords: function(context, obj, *args, **keywords), whole, *args, **keywords
        )


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **keywords: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **keywords)


def _dictionary(*args: Any, **values: Any) -> dict[Any, Any]:
    return dict(*args, **values)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)
