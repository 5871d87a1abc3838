"""Results as tables: paired differences, figures of each model, reward models beside their baselines."""

from __future__ import annotations

from collections.abc import Sequence

from dajeong.records import Result
from dajeong.report.markup import Html, joined, tag
from dajeong.report.verdict import (
    LOWER_IS_BETTER,
    above_baselines,
    against_baselines,
    against_words,
    differences,
    direction,
    figure,
    interval,
    number,
    plain_figures,
)
from dajeong.report.words import METRICS, TASKS, both, named

Lines = dict[tuple[str, str, str], list[Result]]
"""(decoding, task, metric) → rows."""

_SIGNS = {"better": "▲", "worse": "▼", "changed": "◆", "unclear": "–"}


def tables(results: Sequence[Result]) -> Html:
    return joined(
        _differences(differences(results)),
        _figures(plain_figures(results)),
        _rewards(against_baselines(results)),
    )


def table(caption: Html, heads: Sequence[object], rows: Sequence[Html]) -> Html:
    """A table that scrolls inside its own box on a narrow screen."""
    head = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in heads)))
    whole = tag("table", tag("caption", caption), head, tag("tbody", *rows))
    return tag("div", whole, class_="scroll", tabindex="0", role="group")


def _differences(rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("")
    bounds = [bound for row in rows for bound in (row.ci_low, row.ci_high) if bound is not None]
    heads = [both(code) for code in ("task", "metric", "model", "difference", "interval")]
    heads += [Html("n"), *(both(code) for code in ("missing-head", "verdict-head", "decoding", "notes"))]
    reach = max(map(abs, bounds), default=0.0) or 1.0
    body = [_difference(row, reach) for row in rows]
    return joined(tag("h3", both("differences")), table(both("differences-caption"), heads, body))


def _difference(row: Result, reach: float) -> Html:
    found = direction(row)
    value = both("no-value") if row.value is None else number(row.value, signed=True)
    return tag(
        "tr",
        tag("th", named(TASKS, row.task), scope="row"),
        tag("td", _metric(row.metric)),
        tag("td", both("pair", model=row.model, versus=row.versus)),
        tag("td", tag("b", value), class_="number"),
        tag("td", interval(row, signed=True), _whisker(row, reach), class_="number"),
        tag("td", f"{row.n:,}", class_="number"),
        tag("td", f"{row.missing:,}", class_="number"),
        tag("td", _SIGNS[found], " ", both(found), class_=found),
        tag("td", tag("bdi", row.decoding)),
        tag("td", tag("bdi", row.notes)),
    )


def _whisker(row: Result, reach: float) -> Html:
    """The interval drawn on −reach…reach, 0 in the middle; the numbers stand beside it."""
    if row.value is None or row.ci_low is None or row.ci_high is None:
        return Html("")
    low, middle, high = (round(60 + 56 * bound / reach, 1) for bound in (row.ci_low, row.value, row.ci_high))
    shapes = (
        tag("line", x1=60, x2=60, y1=1, y2=15, class_="axis"),
        tag("line", x1=low, x2=high, y1=8, y2=8, class_="bar"),
        tag("circle", cx=middle, cy=8, r=3),
    )
    return tag("svg", *shapes, class_=f"whisker {direction(row)}", viewBox="0 0 120 16", aria_hidden="true")


def _metric(name: str) -> Html:
    better = joined(" ", tag("small", "(", both("lower-better"), ")")) if name in LOWER_IS_BETTER else ""
    return joined(named(METRICS, name), better)


def _figures(rows: Sequence[Result]) -> Html:
    """A row for each task, metric and decoding; a column for each model."""
    if not rows:
        return Html("")
    models = list(dict.fromkeys(row.model for row in rows))
    lines: Lines = {}
    for row in rows:
        lines.setdefault((row.decoding, row.task, row.metric), []).append(row)
    heads = [both("task"), both("metric"), *(tag("bdi", model) for model in models)]
    parts = [
        tag("h4", both("decoding"), ": ", tag("bdi", decoding or "—"))
        + table(both("figures-caption"), heads, _figure_rows(lines, decoding, models))
        for decoding in dict.fromkeys(key[0] for key in lines)
    ]
    return joined(tag("h3", both("figures")), *map(Html, parts))


def _figure_rows(lines: Lines, decoding: str, models: list[str]) -> list[Html]:
    return [
        tag(
            "tr",
            tag("th", named(TASKS, task), scope="row"),
            tag("td", _metric(metric)),
            *(tag("td", _cell([row for row in rows if row.model == model])) for model in models),
        )
        for (drawn, task, metric), rows in lines.items()
        if drawn == decoding
    ]


def _cell(rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("—")
    return joined(*(tag("div", figure(row), _note(row)) for row in rows))


def _note(row: Result) -> Html:
    return joined(" ", tag("small", tag("bdi", row.notes))) if row.notes else Html("")


def _rewards(rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("")
    names = list(dict.fromkeys(name for row in rows for name in row.baselines))
    heads = [both(code) for code in ("model", "task", "metric", "value")]
    heads += [*(tag("bdi", name) for name in names), both("verdict-head"), both("notes")]
    body = [_reward(row, names) for row in rows]
    return joined(tag("h3", both("rewards")), table(both("rewards-caption"), heads, body))


def _reward(row: Result, names: Sequence[str]) -> Html:
    above = above_baselines(row)
    beside = (tag("td", _baseline(row, name), class_="number") for name in names)
    word = joined(_SIGNS["better" if above else "unclear"], " ", against_words(row))
    return tag(
        "tr",
        tag("td", tag("bdi", row.model)),
        tag("th", named(TASKS, row.task), scope="row"),
        tag("td", _metric(row.metric)),
        tag("td", figure(row)),
        *beside,
        tag("td", word if row.baselines else "—", class_="better" if above else "unclear"),
        tag("td", tag("bdi", row.notes)),
    )


def _baseline(row: Result, name: str) -> Html:
    return number(row.baselines[name]) if name in row.baselines else Html("—")
