"""What the data doctor found, as one self-contained page: findings, lengths, register, baselines, licences.

Shows ids and counts, never a text of the data. The same diagnosis gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dajeong.data.doctor.finding import Baseline, Diagnosis, Finding
from dajeong.data.doctor.profile import Lengths, Profile
from dajeong.messages import MESSAGES
from dajeong.report.document import document
from dajeong.report.markup import Html, joined, tag
from dajeong.report.plots import Series, curve
from dajeong.report.tables import table
from dajeong.report.verdict import number
from dajeong.report.words import BASELINES, KINDS, PAGE, REGISTERS, Words, both, named, spoken, svg_words
from dajeong.storage import write_text

_SIGNS = {"blocking": ("worse", "✕"), "warning": ("changed", "▲"), "note": ("unclear", "–")}
_PARTS = ("prompt", "answer")


def write(diagnosis: Diagnosis, path: Path) -> None:
    write_text(path, page(diagnosis))


def page(diagnosis: Diagnosis) -> str:
    names = ", ".join(Path(file).name for file in diagnosis.profile.files)
    return document(f"{names} · 다정 데이터 진단 · dajeong data doctor", *_body(diagnosis, names))


def _body(diagnosis: Diagnosis, names: str) -> tuple[Html, Html]:
    profile = diagnosis.profile
    sections = {
        "findings": _findings(diagnosis),
        "baselines": _baselines(diagnosis.baselines),
        "lengths": _lengths(profile),
        "registers": _registers(profile.registers),
        "counts": _counts(profile),
    }
    shown = {code: inside for code, inside in sections.items() if inside}
    contents = tag(
        "nav", *(tag("a", both(code), href=f"#{code}") for code in shown), aria_label="차례 / contents"
    )
    title = tag("h1", both("doctor-title"), ": ", tag("bdi", names))
    read = both(
        "doctor-read", source=profile.source, records=f"{profile.records:,}", rows=f"{profile.rows:,}"
    )
    header = tag("header", title, tag("p", read, class_="quiet"), _verdict(diagnosis), contents)
    return header, tag("main", *(tag("section", tag("h2", both(c)), i, id=c) for c, i in shown.items()))


def _verdict(diagnosis: Diagnosis) -> Html:
    if not diagnosis.blocking:
        return tag("p", both("doctor-fit"), class_="headline")
    said = both("doctor-unfit", codes=", ".join(diagnosis.blocking))
    return tag("section", tag("p", tag("strong", said)), class_="alarm")


def _findings(diagnosis: Diagnosis) -> Html:
    if not diagnosis.findings:
        return tag("p", both("doctor-none"))
    heads = [both(code) for code in ("severity", "finding", "concerned", "examples")]
    rows = [_finding(each, each.code in diagnosis.allowed) for each in diagnosis.findings]
    return table(both("findings-caption"), heads, rows)


def _finding(finding: Finding, allowed: bool) -> Html:
    style, sign = _SIGNS[finding.severity]
    said = MESSAGES[f"doctor-{finding.code}"]
    counted = {"count": f"{finding.count:,}", "of": f"{finding.of:,}", **finding.parameters}
    overridden = joined(" (", both("allowed"), ")") if allowed else ""
    return tag(
        "tr",
        tag("td", sign, " ", both(finding.severity), overridden, class_=style),
        tag(
            "th", spoken(Words(said.ko, said.en), counted), tag("br"), tag("small", finding.code), scope="row"
        ),
        tag("td", f"{finding.count:,} / {finding.of:,}", class_="number"),
        tag("td", *(tag("div", tag("small", tag("bdi", each))) for each in finding.examples)),
    )


def _baselines(found: Sequence[Baseline]) -> Html:
    if not found:
        return Html("")
    heads = [both("judge"), both("kind"), both("right-in"), both("interval"), Html("n")]
    rows = [
        tag(
            "tr",
            tag("th", named(BASELINES, each.name), scope="row"),
            tag("td", named(KINDS, each.kind) if each.kind else both("all-kinds")),
            tag("td", tag("b", number(each.value)), class_="number"),
            tag("td", f"[{number(each.low)}, {number(each.high)}]", _whisker(each), class_="number"),
            tag("td", f"{each.n:,}", class_="number"),
        )
        for each in found
    ]
    lead = tag("p", both("doctor-artefact"), class_="quiet")
    return joined(lead, table(both("baselines-caption"), heads, rows))


def _whisker(found: Baseline) -> Html:
    """The interval drawn on 0…1, chance in the middle; the numbers stand beside it."""
    low, middle, high = (round(4 + 112 * bound, 1) for bound in (found.low, found.value, found.high))
    style = "changed" if not found.low <= 0.5 <= found.high else "unclear"
    shapes = (
        tag("line", x1=60, x2=60, y1=1, y2=15, class_="axis"),
        tag("line", x1=low, x2=high, y1=8, y2=8, class_="bar"),
        tag("circle", cx=middle, cy=8, r=3),
    )
    return tag("svg", *shapes, class_=f"whisker {style}", viewBox="0 0 120 16", aria_hidden="true")


def _lengths(profile: Profile) -> Html:
    if not profile.lengths:
        return Html("")
    charts = (_chart(part, profile.lengths[part]) for part in _PARTS if part in profile.lengths)
    heads = [
        both("kind"),
        both("part"),
        Html("n"),
        *(both(code) for code in ("p5", "median", "p95", "longest")),
    ]
    rows = [
        _length_row(kind, part, found[part])
        for kind, found in profile.lengths_by_kind.items()
        for part in _PARTS
        if part in found
    ]
    return joined(tag("div", *charts, class_="curves"), table(both("lengths-caption"), heads, rows))


def _length_row(kind: str, part: str, lengths: Lengths) -> Html:
    numbers = (lengths.n, lengths.p5, lengths.median, lengths.p95, lengths.longest)
    cells = (tag("td", f"{value:,}", class_="number") for value in numbers)
    return tag("tr", tag("th", named(KINDS, kind), scope="row"), tag("td", both(part)), *cells)


def _chart(part: str, lengths: Lengths) -> Html:
    """A histogram as a staircase."""
    width = lengths.bars[1].start if len(lengths.bars) > 1 else 1.0
    points = [(x, float(bar.count)) for bar in lengths.bars for x in (bar.start, bar.start + width)]
    points = [(0.0, 0.0), *points, (points[-1][0], 0.0)]
    identity = f"lengths-{part}"
    x, y = (svg_words(PAGE[code], code) for code in ("characters", "texts"))
    drawn = curve(identity, [Series(part, points)], x, y, f"{identity}-caption")
    caption = tag("figcaption", tag("b", both(part)), " ", both("last-bar"), id=f"{identity}-caption")
    return tag("figure", caption, drawn.svg)


def _registers(registers: Mapping[str, Mapping[str, int]]) -> Html:
    """Shares of the answers of each kind."""
    if not registers:
        return Html("")
    names = list(registers[""])
    heads = [both("kind"), *(named(REGISTERS, name) for name in names), Html("n")]
    rows = [
        tag(
            "tr",
            tag("th", named(KINDS, kind) if kind else both("all-kinds"), scope="row"),
            *(
                tag("td", f"{counts.get(name, 0) / sum(counts.values()):.0%}", class_="number")
                for name in names
            ),
            tag("td", f"{sum(counts.values()):,}", class_="number"),
        )
        for kind, counts in registers.items()
    ]
    return table(both("registers-caption"), heads, rows)


def _counts(profile: Profile) -> Html:
    tables = {
        "by-kind": profile.by_kind,
        "by-licence": profile.by_licence,
        "by-source": profile.by_source,
        "rejects": profile.rejects,
        "left-by-source": profile.left_out,
    }
    return joined(*(_count_table(code, counts) for code, counts in tables.items() if counts))


def _count_table(code: str, counts: Mapping[str, int]) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", name) if name else both("not-stated"), scope="row"),
            tag("td", f"{count:,}", class_="number"),
        )
        for name, count in counts.items()
    ]
    return table(both(code), [both("value"), both("concerned")], rows)
