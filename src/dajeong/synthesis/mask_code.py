"""Code that nobody marked as such: lines that no sentence looks like, and blocks of them. Parses no language.

Meant to miss rather than to take prose: prose that is taken stays untranslated, which the checks see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_LINE = 600
"""Characters of a line of code; nobody writes longer ones by hand."""

_LINES = (
    r"(?:async )?(?:def|class) +\w+ *[(:{].*",
    r"@\w[\w.]*(?:\(.*\))?",
    r"(?:if|elif|while|for|with|switch|catch|foreach)\b.*[=<>()\[\]].*[:{]",
    r"[})\s]*(?:else|try|finally|do|except\b[^.]*) *[:{]",
    r"(?:import +[\w.*{}, ]+(?: +from +\S+)?|from +[\w.]+ +import +[\w.,*() ]+);?",
    r"#(?:include|define|ifdef|ifndef|endif|pragma)\b.*|#!.*",
    r"(?:public|private|protected|static|final|const|let|var|int|void|float|double|char|bool"
    r"|boolean|string|String|function|package|using|namespace|func|fn|struct|enum|unsigned)\b[^.]*[;{=(].*",
    r"<\?(?:php|xml)?.*|\?>",
    r"return\b[^.]*;|(?<=\s)return\b *(?:[\w.]+|.*[()\[\]+*/%=<>'\"].*)",
    r"[\w.\[\]'\"$]+ *(?:\*\*|<<|>>|[-+*/%|&^:<>])?=(?!=) *\S.*",
    r"(?!\d)[\w.:$]+(?:\[[^\]]*\])?\(.*\) *[;,{]?",
    r"[\w.$<>]+(?: +[\w.$<>]+)* *\(.*\) *(?:throws +\w+ *)?[{;]",
    r".*[=(){}\[\]<>\"'+-].*;|.*[^\s.] *\{",
    r"[})\]]+[;,]?",
    r"//.*|/\*.*|\*/",
    r"(?:\$|>>>|\.\.\.|PS>) +\S.*",
    r"(?:sudo|pip3? install|npm (?:install|run)|apt(?:-get)? install|conda install|docker (?:run|build)"
    r"|git (?:clone|commit|push|pull|add|checkout|merge|rebase|init)|cd|mkdir|chmod|curl|wget) [^\s].*",
    r"(?:\\[A-Za-z@]+\*?(?: ?\[[^\[\]]*\]|\{[^{}]*\})*\s*)+",
)
"""Whole lines, white space around them aside: definitions, branches, declarations, assignments, calls,
statements, comments, commands of a shell, and TeX with nothing beside it.
"""
_STRONG = re.compile("|".join(rf"\s*(?:{line})\s*" for line in _LINES))
_DENSE = re.compile(r"\s*(?=\S*[\\\[])(?=(?:\S*?[\^$*+?{}\[\]\\|()]){5})\S+\s*")
"""A regular expression, or something as hard to read."""
_PROSE = re.compile(r"(?:[A-Za-z]{2,}['’,]? +){5,}[A-Za-z]{2,}")
_WEAK = re.compile(r"\s*|\s{2,}\S.*|\s*(?:#|--|//|\*).*")
"""Goes with code on both sides: a blank or indented line, a comment."""

_COLUMN = r"[\w.()*\"`]+(?: +as +\w+)?"
_STATEMENT = re.compile(
    rf"^[ \t]*(?:select\s+(?:distinct\s+)?{_COLUMN}(?:\s*,\s*{_COLUMN})*\s+from\s+[\w.`\"]+"
    r"|insert\s+into\s+\w+\s*[(\s]|create\s+(?:table|view|index|function)\s+\w+"
    r"|update\s+\w+\s+set\s+\w+\s*=|delete\s+from\s+\w+\s+where\s|alter\s+table\s+\w+\s)"
    r"(?:[^;\n]|\n(?!\s*\n))*(?:;|(?=\n\s*\n)|\Z)",
    re.MULTILINE | re.IGNORECASE,
)
"""SQL, up to its semicolon or an empty line."""


def code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Places of unmarked code: SQL statements, and whole lines without the last line end."""
    taken = [found.span() for found in _STATEMENT.finditer(text)]
    lines = [
        (start, end)
        for start, end in _blocks(text)
        if not any(start < other_end and other_start < end for other_start, other_end in taken)
    ]
    return iter(sorted([*taken, *lines]))


def is_code(line: str) -> bool:
    """Whether a line is code by itself."""
    if not line.strip() or len(line) > LONGEST_LINE or _PROSE.search(_without_strings(line)):
        return False
    return bool(_STRONG.fullmatch(line) or _DENSE.fullmatch(line))


def _without_strings(line: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'|//.*|#.*", "", line)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Code lines, and what stands between them if it could belong to them."""
    start: int | None = None
    end = place = 0
    for line in text.split("\n"):
        if is_code(line):
            start = place if start is None else start
            end = place + len(line)
        elif start is not None and not _WEAK.fullmatch(line):
            yield start, end
            start = None
        place += len(line) + 1
    if start is not None:
        yield start, end
