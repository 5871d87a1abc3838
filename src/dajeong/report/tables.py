"""Results as tables: paired differences, figures of each model, reward models beside their baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dajeong.records import Result
from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Figures
from dajeong.report.remarks import noted
from dajeong.report.verdict import (
    LOWER_IS_BETTER,
    Distances,
    above_baselines,
    against_baselines,
    against_words,
    differences,
    direction,
    distances,
    figure,
    interval,
    number,
    of_step,
    pair_of,
    plain_figures,
)
from dajeong.report.words import BASELINES, METRICS, asking, both, named, task_named

_SIGNS = {"better": "▲", "worse": "▼", "changed": "◆", "unclear": "–"}


def tables(figures: Sequence[Figures]) -> Html:
    """Step by step, in the order of the run."""
    return joined(
        *(_of_kind("differences", step, _differences(differences(rows))) for step, rows in figures),
        *(_of_kind("figures", step, _figures(plain_figures(rows))) for step, rows in figures),
        *(_of_kind("rewards", step, _rewards(rows)) for step, rows in figures),
    )


def _of_kind(code: str, step: str, inside: Html) -> Html:
    return joined(tag("h3", both(code), of_step(step)), inside) if inside else inside


def table(caption: Html, heads: Sequence[object], rows: Sequence[Html]) -> Html:
    """A table that scrolls inside its own box on a narrow screen."""
    head = tag("thead", tag("tr", *(tag("th", text, scope="col") for text in heads)))
    whole = tag("table", tag("caption", caption), head, tag("tbody", *rows))
    return tag("div", whole, class_="scroll", tabindex="0", role="group")


def _differences(rows: Sequence[Result]) -> Html:
    """A table for each pair of models and decoding."""
    groups: dict[tuple[str, str | None, str], list[Result]] = {}
    for row in rows:
        groups.setdefault((row.model, row.versus, row.decoding), []).append(row)
    reach = _reach(rows)
    return joined(*(_compared(same, reach) for same in groups.values()))


def _compared(rows: Sequence[Result], reach: Mapping[str, float]) -> Html:
    title = tag("h4", pair_of(rows[0]), " · ", both("decoding"), ": ", asking(rows[0].decoding))
    heads = [both(code) for code in ("task", "metric", "difference", "interval")]
    heads += [Html("n"), *(both(code) for code in ("missing-head", "verdict-head", "notes"))]
    body = [_difference(row, reach[row.metric]) for row in rows]
    return joined(title, table(both("differences-caption"), heads, body))


def _difference(row: Result, reach: float) -> Html:
    found = direction(row)
    value = both("no-value") if row.value is None else number(row.value, signed=True)
    return tag(
        "tr",
        tag("th", task_named(row.task), scope="row"),
        tag("td", _metric(row.metric), class_="metric"),
        tag("td", tag("b", value), class_="number"),
        tag("td", interval(row, signed=True), _whisker(row, reach), class_="number"),
        tag("td", f"{row.n:,}", class_="number"),
        tag("td", f"{row.missing:,}", class_="number"),
        tag("td", _SIGNS[found], " ", both(found), class_=found),
        tag("td", noted(_notes(row, ())), class_="notes"),
    )


def _reach(rows: Sequence[Result]) -> dict[str, float]:
    """Metric → how far its intervals reach; shares are all drawn on −1…1."""
    found: dict[str, float] = {}
    for row in rows:
        bounds = [abs(bound) for bound in (row.ci_low, row.ci_high) if bound is not None]
        found[row.metric] = max([found.get(row.metric, 1.0), *bounds])
    return found


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
    """A table for each decoding: rows are tasks and metrics, columns models and ways of asking them."""
    return joined(*(_drawn_by(decoding, lines) for decoding, lines in _by_decoding(rows).items()))


def _by_decoding(rows: Sequence[Result]) -> dict[str, list[tuple[str, Result]]]:
    """Decoding → (column, row). `T 0.8, own format` is decoding `T 0.8` in a column of its own."""
    found: dict[str, list[tuple[str, Result]]] = {}
    for row in rows:
        decoding, _, way = row.decoding.partition(", ")
        found.setdefault(decoding, []).append((f"{row.model}, {way}" if way else row.model, row))
    return found


def _drawn_by(decoding: str, lines: Sequence[tuple[str, Result]]) -> Html:
    models = list(dict.fromkeys(row.model.partition(", ")[0] for _, row in lines))
    names = dict.fromkeys(column for column, _ in lines)
    columns = sorted(names, key=lambda name: models.index(name.partition(", ")[0]))
    shared = {column: _shared([row for name, row in lines if name == column]) for column in columns}
    heads = [both("task"), both("metric"), *(_head(column, shared[column]) for column in columns)]
    body = [
        tag(
            "tr",
            tag("th", task_named(task), scope="row"),
            tag("td", _metric(metric), class_="metric"),
            *(tag("td", _cell(_rows_at(lines, name, task, metric), shared[name])) for name in columns),
        )
        for task, metric in dict.fromkeys((row.task, row.metric) for _, row in lines)
    ]
    title = tag("h4", both("decoding"), ": ", asking(decoding))
    return joined(title, table(both("figures-caption"), heads, body))


def _rows_at(lines: Sequence[tuple[str, Result]], column: str, task: str, metric: str) -> list[Result]:
    return [row for there, row in lines if (there, row.task, row.metric) == (column, task, metric)]


def _shared(rows: Sequence[Result]) -> list[str]:
    """Notes that every row of a column has: they are said once, at its head."""
    first, *rest = (row.notes.split("; ") for row in rows)
    return [note for note in first if note and all(note in notes for notes in rest)]


def _head(column: str, notes: Sequence[str]) -> Html:
    return joined(asking(column), _small(notes))


def _cell(rows: Sequence[Result], known: Sequence[str]) -> Html:
    if not rows:
        return Html("—")
    return joined(*(tag("div", figure(row), _small(_notes(row, known))) for row in rows))


def _notes(row: Result, known: Sequence[str]) -> list[str]:
    return [note for note in row.notes.split("; ") if note and note not in known]


def _small(notes: Sequence[str]) -> Html:
    return joined(" ", tag("small", noted(notes))) if notes else Html("")


def _rewards(rows: Sequence[Result]) -> Html:
    shown, far = against_baselines(rows), distances(rows)
    if not shown:
        return Html("")
    names = list(dict.fromkeys(name for row in shown for name in row.baselines))
    heads = [both(code) for code in ("model", "task", "value", "verdict-head", "distance")]
    heads += [*(named(BASELINES, name) for name in names), both("notes")]
    return table(both("rewards-caption"), heads, [_reward(row, names, far) for row in shown])


def _reward(row: Result, names: Sequence[str], far: Distances) -> Html:
    above = above_baselines(row)
    word = joined(_SIGNS["better" if above else "unclear"], " ", against_words(row, far))
    distance = far.get((row.model, row.task))
    beside = (tag("td", _baseline(row, name), class_="number") for name in names)
    return tag(
        "tr",
        tag("td", tag("bdi", row.model)),
        tag("th", task_named(row.task), scope="row"),
        tag("td", figure(row)),
        tag("td", word, class_="better" if above else "unclear"),
        tag("td", figure(distance, signed=True) if distance else "—"),
        *beside,
        tag("td", noted(_unsaid(row)), class_="notes"),
    )


def _unsaid(row: Result) -> list[str]:
    """Notes without the verdict, which stands in its own column."""
    return [note for note in _notes(row, ()) if not note.startswith("not above its baselines")]


def _baseline(row: Result, name: str) -> Html:
    return number(row.baselines[name]) if name in row.baselines else Html("—")
