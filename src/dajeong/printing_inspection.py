"""What training would learn from, as lines: figures, findings, and tokens with their mask. Counts nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from dajeong.data.doctor.codes import CODES
from dajeong.data.doctor.finding import Finding
from dajeong.inspecting import Inspected
from dajeong.messages import text
from dajeong.printing import columns

SIGNS = {"blocking": "✕", "warning": "▲", "note": "–"}
SHADES = (("\x1b[97;42m", "\x1b[30;102m"), ("\x1b[37m", "\x1b[90m"))
"""Learned, not learned; neighbours take turns."""
PLAIN = "\x1b[0m"


def code_of(finding: Finding) -> str:
    """Of its sentence: the data doctor's own, or ours."""
    return f"doctor-{finding.code}" if finding.code in CODES else f"inspect-{finding.code}"


def sentence(finding: Finding) -> str:
    return text(code_of(finding), count=finding.count, of=finding.of, **finding.parameters).strip()


def lines(found: Sequence[Inspected], recipe: str) -> Iterator[str]:
    for number, each in enumerate(found):
        if number:
            yield ""
        if each.found is None:
            yield text("inspect-waits", step=each.step, waits_for=each.waits_for, recipe=recipe)
        else:
            yield from _figures(each.step, each.found)
            yield from _examples(each.found, coloured=sys.stdout.isatty())


def as_json(found: Sequence[Inspected]) -> list[dict[str, Any]]:
    return [
        {"step": each.step, "waits_for": each.waits_for, **(_spelled(each.found) if each.found else {})}
        for each in found
    ]


def _spelled(found: Any) -> dict[str, Any]:
    findings = [{**each.model_dump(mode="json"), "text": sentence(each)} for each in found.findings]
    return {**found.model_dump(mode="json"), "findings": findings}


def share(learned: int, tokens: int) -> str:
    return f"{learned / tokens:.0%}" if tokens else "–"


def _figures(step: str, found: Any) -> Iterator[str]:
    counts = {"examples": f"{found.examples:,}", "tokens": f"{found.tokens:,}"}
    learned = share(found.learned, found.tokens)
    said = {"step": step, "template": found.template, "max_tokens": found.max_tokens}
    yield text("inspect-head", **said, **counts, share=learned)
    if found.lengths:
        yield text("inspect-lengths", **found.lengths.model_dump())
    yield text("inspect-ends", eos=found.eos, **found.ends)
    names = ("source", "examples", "tokens", "share", "cut")
    rows = [
        [name, f"{s.examples:,}", f"{s.tokens:,}", share(s.learned, s.tokens), f"{s.truncated:,}"]
        for name, s in found.sources.items()
    ]
    yield columns([[text(f"inspect-{name}") for name in names], *rows])
    for each in found.findings:
        yield f"{SIGNS[each.severity]} {sentence(each)}"


def _examples(found: Any, coloured: bool) -> Iterator[str]:
    if found.first:
        yield ""
        yield text("inspect-first-colour" if coloured else "inspect-first")
    for shown in found.first:
        yield f"[{shown.id}]"
        yield _coloured(shown.pieces) if coloured else _marked(shown.pieces)


def _coloured(pieces: Sequence[Any]) -> str:
    """Control sequences that a text brings along are taken out: only ours reach the terminal."""
    parts = (
        f"{SHADES[0 if piece.learn else 1][number % 2]}{printable(piece.text)}{PLAIN}"
        for number, piece in enumerate(pieces)
    )
    return "".join(parts)


def _marked(pieces: Sequence[Any]) -> str:
    said, learning = "", False
    for piece in pieces:
        if piece.learn != learning:
            said += "«" if piece.learn else "»"
            learning = piece.learn
        said += printable(piece.text)
    return said + "»" * learning


def printable(words: str) -> str:
    """Line breaks shown and kept, every other control character shown only."""
    shown = (
        "↵\n" if mark == "\n" else mark if mark.isprintable() else f"⟨U+{ord(mark):04X}⟩" for mark in words
    )
    return "".join(shown)
