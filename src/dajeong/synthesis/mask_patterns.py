"""What stays as it is in a translation, by its form: marked code, LaTeX, addresses, placeholders.

Each finder gives the places (start, end) of one kind, in order and apart. Unmarked code is `mask_code`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Finder = Callable[[str], Iterator[tuple[int, int]]]


def _by(pattern: str, flags: int = 0) -> Finder:
    compiled = re.compile(pattern, flags)

    def find(text: str) -> Iterator[tuple[int, int]]:
        return (found.span() for found in compiled.finditer(text) if found[0].strip())

    return find


_own_marks = _by(r"⟦[^⟦⟧\n]{0,20}⟧|[⟦⟧]")
"""A text that already holds what looks like a mark."""

_fences = _by(
    r"^[ \t]*(?P<fence>`{3,9}|~{3,9})[^\n]*\n.{0,20000}?^[ \t]*(?P=fence)[`~]*[ \t]*$"
    r"|(?<!`)`{3}(?!`).{1,20000}?(?<!`)`{3}(?!`)"
    r"|^[ \t]*(?:`{3,9}|~{3,9})[^\n]*\n.*\Z",
    re.MULTILINE | re.DOTALL,
)
"""A fence that is never closed goes on to the end."""

_elements = _by(
    r"<!--.{0,5000}?-->"
    r"|<(?P<name>code|pre|script|style|kbd|samp|var|math|svg)\b[^<>]{0,500}>.{0,5000}?</(?P=name)\s*>",
    re.DOTALL | re.IGNORECASE,
)

_BOUNDARY = re.compile(r"\\(begin|end)\s*\{([A-Za-z]+\*?)\}")


def _environments(text: str) -> Iterator[tuple[int, int]]:
    r"""Outermost `\begin{x}` … `\end{x}`, whatever is nested in them."""
    depth, start = 0, 0
    for found in _BOUNDARY.finditer(text):
        if found[1] == "begin":
            start = found.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield start, found.end()


_display_math = _by(r"\$\$.{1,2000}?\$\$|\\\[.{1,2000}?\\\]|\\\(.{1,2000}?\\\)", re.DOTALL)

_inline_code = _by(r"(?<!`)(?P<ticks>`{1,2})(?!`)(?:[^\n]*?[^`\n])(?P=ticks)(?!`)")

_INLINE_MATH = re.compile(r"(?<![\\$\w])\$(?![\s$])(?P<inside>[^$\n]*?[^$\s\\])\$(?![\w$])")
_MATH_SIGN = re.compile(r"[\\^_={}+*/<>|]|\d\s*[A-Za-z]|[A-Za-z]\s*[-(]")


def _inline_math(text: str) -> Iterator[tuple[int, int]]:
    """`$x$` and `$a + b$`; not "$90 and $17", which are prices."""
    for found in _INLINE_MATH.finditer(text):
        inside = found["inside"]
        if re.fullmatch(r"[A-Za-z]|[-\d.,]+", inside) or _MATH_SIGN.search(inside):
            yield found.span()


_formulas = _by(
    r"^(?=.*[=^*/<>≤≥≠+])(?=.*\w)[ \t]*(?:(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[^A-Za-z가-힣\s]|[ \t])+$",
    re.MULTILINE,
)
"""Lines of numbers, signs and single letters: `x^3 - 4x^2 = 0`."""

_commands = _by(r"\\[A-Za-z@]+\*?(?:\s?\[[^\[\]\n]*\]|\{(?:[^{}\n]|\{[^{}\n]*\})*\})*|\\[%&#_{}$\\]")

_tags = _by(
    r"</?[A-Za-z][\w:-]*(?:\s+[\w:.@-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*\s*/?>"
    r"|&(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos|nbsp);"
    r"|[<>=]{4,}"
)
"""Tags, entities, and the markers that git leaves in a conflict."""

_ADDRESS = re.compile(r"(?:https?|ftp|file)://[^\s<>\"'`⟦⟧]+|(?<![\w@.])www\.[\w-]+\.[^\s<>\"'`⟦⟧]+")


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Without the punctuation of the sentence behind them; a bracket is kept where its partner is inside."""
    for found in _ADDRESS.finditer(text):
        address = found[0]
        while address[-1] in ".,;:!?*_" or (address[-1] in ")]}" and _is_unpaired(address)):
            address = address[:-1]
        yield found.start(), found.start() + len(address)


def _is_unpaired(address: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{"}[address[-1]]
    return address.count(address[-1]) > address.count(opening)


_domains = _by(
    r"(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|app|kr|jp|uk|de)(?:/[\w./?=&%#~+-]*\w)?(?!\w)",
    re.IGNORECASE,
)
_mails = _by(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|(?<!\w)[@#][A-Za-z_]\w+")
"""Mail addresses, @names and #tags."""

_SUFFIXES = (
    "py js ts jsx tsx java c cpp h hpp cs go rs rb php html htm css scss json jsonl yaml yml xml csv tsv txt "
    "md rst sh bat sql tex bib pdf png jpg jpeg gif svg mp3 mp4 wav zip tar gz exe dll doc docx xls xlsx ppt "
    "pptx ipynb log cfg ini toml conf env"
)
_paths = _by(
    r"(?<![\w/.~])(?:~|\.{1,2})/[\w.@%+/-]*[\w/]"
    r"|(?<![\w/.<)])/(?:[\w.@%+-]+/)+[\w.@%+-]*\w?"
    r"|(?<!\w)[A-Za-z]:\\(?:[\w .-]+\\)*[\w.-]+"
    rf"|(?<![\w/.-])(?:[\w-]{{1,100}}/){{0,20}}[\w-]{{1,100}}(?:\.[\w-]{{1,50}}){{0,5}}\.(?:{'|'.join(_SUFFIXES.split())})(?!\w)"
)

_placeholders = _by(
    r"\{\{[^{}\n]{1,60}\}\}|\$?\{[A-Za-z_][\w.\[\]:-]{0,40}\}|\{\d*\}"
    r"|%\([\w.]+\)[sdfr]|(?<![\w%])%[-+0#]?\d*(?:\.\d+)?[sdifgxr](?!\w)"
    r"|&[a-z][a-z-]*\d*&|(?<!\w)__[A-Z]\w*__(?!\w)|_{2,}"
)

_names = _by(
    r"(?<![\w.])[\w.]*\w\(\)|(?<![\w-])--[a-z][\w-]+(?:=\S+)?|(?<![\w.])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?!\w)"
)
"""`getch()`, `--force`, `is_prime`."""

BEFORE_CODE: tuple[Finder, ...] = (_own_marks, _fences, _elements, _environments, _display_math)
BEHIND_CODE: tuple[Finder, ...] = (
    _inline_code,
    _tags,
    _addresses,
    _mails,
    _paths,
    _placeholders,
    _inline_math,
    _formulas,
    _commands,
    _domains,
    _names,
)
"""The order matters: what an earlier finder took, a later one does not see."""
