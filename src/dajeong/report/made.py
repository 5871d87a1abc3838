"""What making steps kept and dropped: counts by rule, what it cost, a few of both. Judges nothing.

Samples were drawn by hash when the step ran; here they are only shown. Texts may be hostile: all are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Stage
from dajeong.report.tables import table
from dajeong.report.words import both


def made(stages: Sequence[Stage]) -> Html:
    """Step by step; nothing where no step made data."""
    found = [(stage, _notes(stage)) for stage in stages]
    shown = [_of_stage(stage.name, stats) for stage, stats in found if stats]
    return joined(tag("p", both("made-lead"), class_="quiet"), *shown) if shown else Html("")


def _notes(stage: Stage) -> Mapping[str, Any]:
    notes = [_mapping(entry.get("synthesis")) for entry in stage.journal if entry.get("event") == "note"]
    return notes[-1] if notes else {}


def _of_stage(name: str, stats: Mapping[str, Any]) -> Html:
    rejected, flagged = _mapping(stats.get("rejected")), _mapping(stats.get("flagged"))
    cost = stats.get("cost")
    said = both(
        "made-counts",
        records=f"{_number(stats.get('records')):,}",
        rejected=f"{sum(map(_number, rejected.values())):,}",
        cost="?" if not isinstance(cost, int | float) else f"${cost:.4f}",
    )
    return joined(
        tag("h3", both("step"), ": ", tag("bdi", name)),
        tag("p", said),
        _counts("made-rejected", rejected),
        _counts("made-flagged", flagged),
        _kept(_rows(stats.get("samples"))),
        *(_dropped(rule, _rows(rows)) for rule, rows in _mapping(stats.get("rejects")).items()),
    )


def _counts(code: str, counts: Mapping[str, Any]) -> Html:
    if not counts:
        return Html("")
    ordered = sorted(counts.items(), key=lambda item: -_number(item[1]))
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", name), scope="row"),
            tag("td", f"{_number(count):,}", class_="number"),
        )
        for name, count in ordered
    ]
    return table(both(code), [both("made-rule"), both("concerned")], rows)


def _kept(samples: Sequence[Mapping[str, Any]]) -> Html:
    if not samples:
        return Html("")
    heads = [both("made-given"), both("made-made"), both("made-flags")]
    rows = [
        tag(
            "tr",
            tag("td", _text(each.get("given"))),
            tag("td", _text(each.get("made"))),
            tag("td", ", ".join(map(str, each.get("flags") or ()))),
        )
        for each in samples
    ]
    return tag("details", tag("summary", both("made-kept")), table(both("made-kept"), heads, rows))


def _dropped(rule: str, samples: Sequence[Mapping[str, Any]]) -> Html:
    title = joined(both("made-dropped"), ": ", tag("bdi", rule))
    rows = [
        tag("tr", tag("td", _text(each.get("text"))), tag("td", tag("bdi", each.get("detail") or "")))
        for each in samples
    ]
    return tag(
        "details",
        tag("summary", title),
        table(title, [both("made-candidate"), both("made-why")], rows),
        class_="warning",
    )


def _text(value: object) -> Html:
    return tag("p", "" if value is None else value, class_="text", dir="auto")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
