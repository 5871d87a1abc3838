"""What training would learn from, as one self-contained page: figures, findings, tokens with their mask.

Texts of the data are shown, never obeyed. Counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dajeong.data.doctor.codes import CODES
from dajeong.data.doctor.finding import Finding
from dajeong.messages import MESSAGES
from dajeong.models.inspection import Inspection, Piece, Shown
from dajeong.report.document import document
from dajeong.report.markup import Html, joined, tag
from dajeong.report.tables import table
from dajeong.report.words import Words, both, spoken
from dajeong.storage import write_text

_SIGNS = {"blocking": ("worse", "✕"), "warning": ("changed", "▲"), "note": ("unclear", "–")}
_RULES = Html(
    ".tokens { white-space: pre-wrap; line-height: 2; margin: .3rem 0; unicode-bidi: isolate; }"
    ".tokens span { border-bottom: 2px solid var(--grid); padding: .1rem 0; }"
    ".tokens span:nth-child(even) { background: color-mix(in srgb, var(--grid) 28%, transparent); }"
    ".tokens .learned { border-color: var(--good); color: var(--good); font-weight: 600; }"
    ".tokens .control { font-family: monospace; font-size: .85em; }"
)


def write(found: Sequence[tuple[str, Inspection]], path: Path) -> None:
    write_text(path, page(found))


def page(found: Sequence[tuple[str, Inspection]]) -> str:
    contents = tag("nav", *(tag("a", step, href=f"#{step}") for step, _ in found))
    header = tag("header", tag("h1", _said("inspect-title")), contents)
    sections = (tag("section", *_step(step, each), id=step) for step, each in found)
    return document("모델이 배울 내용 · dajeong inspect", header, tag("main", *sections), rules=_RULES)


def _said(code: str, **parameters: object) -> Html:
    return spoken(Words(MESSAGES[code].ko, MESSAGES[code].en), parameters)


def _step(step: str, found: Inspection) -> tuple[Html, ...]:
    share = f"{found.learned / found.tokens:.0%}" if found.tokens else "–"
    counts = {"examples": f"{found.examples:,}", "tokens": f"{found.tokens:,}", "share": share}
    said = {"step": step, "template": found.template, "max_tokens": found.max_tokens}
    lengths = _said("inspect-lengths", **found.lengths.model_dump()) if found.lengths else Html("")
    ends = tag("p", tag("strong", _said("inspect-ends", eos=found.eos, **dict(found.ends))))
    return (
        tag("h2", step),
        tag("p", _said("inspect-head", **said, **counts)),
        ends,
        tag("p", lengths),
        _sources(found),
        _findings(found.findings),
        tag("p", _said("inspect-first-colour"), class_="quiet") if found.first else Html(""),
        *(_example(shown) for shown in found.first),
    )


def _sources(found: Inspection) -> Html:
    heads = [_said(f"inspect-{name}") for name in ("source", "examples", "tokens", "share", "cut")]
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", name), scope="row"),
            *(
                tag("td", cell, class_="number")
                for cell in (
                    f"{each.examples:,}",
                    f"{each.tokens:,}",
                    f"{each.learned / each.tokens:.0%}" if each.tokens else "–",
                    f"{each.truncated:,}",
                )
            ),
        )
        for name, each in found.sources.items()
    ]
    return table(_said("inspect-source"), heads, rows)


def _findings(found: Sequence[Finding]) -> Html:
    items = []
    for each in found:
        style, sign = _SIGNS[each.severity]
        code = f"doctor-{each.code}" if each.code in CODES else f"inspect-{each.code}"
        said = _said(code, count=f"{each.count:,}", of=f"{each.of:,}", **each.parameters)
        ids = tag("small", " ", tag("bdi", ", ".join(each.examples))) if each.examples else ""
        items.append(tag("li", tag("span", sign, " ", both(each.severity), class_=style), " ", said, ids))
    heading = tag("h3", _said("inspect-findings"))
    return joined(heading, tag("ul", *items)) if items else Html("")


def _example(shown: Shown) -> Html:
    tokens = tag("div", *(_piece(piece) for piece in shown.pieces), class_="tokens")
    return tag("div", tag("small", tag("bdi", shown.id)), tokens, class_="sample")


def _piece(piece: Piece) -> Html:
    names = [name for name, holds in (("learned", piece.learn), ("control", piece.control)) if holds]
    words = piece.text.replace("\n", "↵\n")
    return tag("span", words, class_=" ".join(names) or None, title=", ".join(map(str, piece.ids)))
