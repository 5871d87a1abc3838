"""Where everything came from: steps, whose output each of them read, what the models say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from dajeong.report.markup import Html, joined, tag
from dajeong.report.origins import Origin
from dajeong.report.read import Model, Run, Stage, step_of
from dajeong.report.tables import table
from dajeong.report.words import FACTS, TERMS, both, named

_ROW, _NODE_X, _WIDTH = 30, 150, 420
"""Pixels: height of a step's row, where the steps stand, width of the drawing."""

MAX_NOTES, MAX_DEPTH = 12, 3


def lineage(run: Run) -> Html:
    return joined(
        _graph(run.stages), _steps(run.stages), _origins(run.origins), _models(run.models), _notes(run.stages)
    )


def _graph(stages: Sequence[Stage]) -> Html:
    """Steps below one another; an arc to the left of them leads from a step to whoever reads its output."""
    rows = {stage.name: place for place, stage in enumerate(stages)}
    links = sorted(
        {
            (rows[step_of(reference)], rows[stage.name])
            for stage in stages
            for given in stage.inputs.values()
            for reference in given
            if step_of(reference) in rows
        }
    )
    drawn = [_arc(source, reader) for source, reader in links]
    drawn += [_node(stage, place) for place, stage in enumerate(stages)]
    view = f"0 0 {_WIDTH} {_ROW * len(stages)}"
    svg = tag("svg", *drawn, class_="lineage", viewBox=view, role="img", aria_labelledby="graph-caption")
    caption = tag("figcaption", both("graph-caption"), id="graph-caption")
    return tag("figure", caption, tag("div", svg, class_="scroll", tabindex="0", role="group"), class_="wide")


def _arc(source: int, reader: int) -> Html:
    top, bottom = _middle(source), _middle(reader)
    bend = _NODE_X - 12 - min(130, 14 * abs(reader - source) + 8)
    return tag(
        "path", d=f"M {_NODE_X} {top} C {bend} {top}, {bend} {bottom}, {_NODE_X - 6} {bottom}", class_="link"
    )


def _node(stage: Stage, place: int) -> Html:
    middle = _middle(place)
    kind = f" · {stage.kind}" if stage.kind != stage.name else ""
    dot = tag("circle", cx=_NODE_X, cy=middle, r=5, class_="done" if stage.done else "open")
    words = tag("text", tag("tspan", stage.name, class_="name"), kind, x=_NODE_X + 14, y=middle + 4)
    return joined(dot, words)


def _middle(place: int) -> int:
    return _ROW * place + _ROW // 2


def _steps(stages: Sequence[Stage]) -> Html:
    heads = [both(code) for code in ("step", "kind", "inputs", "outputs", "fingerprint", "seconds")]
    return table(both("lineage-caption"), heads, [_step(stage) for stage in stages])


def _step(stage: Stage) -> Html:
    inputs = (tag("div", tag("bdi", name), ": ", _listed(given)) for name, given in stage.inputs.items())
    seconds = both("not-done") if not stage.done else "—" if stage.seconds is None else f"{stage.seconds:.1f}"
    return tag(
        "tr",
        tag("th", tag("bdi", stage.name), scope="row"),
        tag("td", tag("bdi", stage.kind)),
        tag("td", *inputs),
        tag("td", _listed(stage.outputs)),
        tag("td", tag("code", stage.fingerprint[:12])),
        tag("td", seconds, class_="number"),
    )


def _listed(names: Sequence[str]) -> Html:
    return Html(", ".join(tag("bdi", name) for name in names))


def _origins(origins: Sequence[Origin]) -> Html:
    if not origins:
        return Html("")
    heads = [both(code) for code in ("step", "source", "licence", "records")]
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", origin.step), scope="row"),
            tag("td", tag("bdi", origin.source)),
            tag("td", tag("bdi", origin.licence or "—")),
            tag("td", f"{origin.num_records:,}", class_="number"),
        )
        for origin in origins
    ]
    return joined(tag("h3", both("origins")), table(both("origins-caption"), heads, rows))


def _models(models: Sequence[Model]) -> Html:
    if not models:
        return Html("")
    heads = [both("model"), both("facts")]
    rows = [_model(model) for model in models]
    return joined(tag("h3", both("models")), table(both("models-caption"), heads, rows))


def _model(model: Model) -> Html:
    return tag("tr", tag("th", tag("bdi", model.name), scope="row"), tag("td", _facts(model.facts)))


def _facts(facts: Mapping[str, object]) -> Html:
    return joined(*(tag("div", named(FACTS, name), ": ", _fact(value)) for name, value in facts.items()))


def _fact(value: object) -> Html:
    return named(TERMS, value) if isinstance(value, str) else tag("bdi", value)


def _notes(stages: Sequence[Stage]) -> Html:
    """What the steps wrote down for people: rows dropped, texts cut, models loaded."""
    items = [
        joined(tag("h4", tag("bdi", stage.name)), _entries(stage, "note"))
        for stage in stages
        if _has_notes(stage)
    ]
    return tag("details", tag("summary", both("step-notes")), *items) if items else Html("")


def _has_notes(stage: Stage) -> bool:
    return any(entry.get("event") == "note" for entry in stage.journal)


def alarms(stages: Sequence[Stage]) -> Html:
    """What the steps raised their voice about."""
    loud = [stage for stage in stages if any(entry.get("event") == "alarm" for entry in stage.journal)]
    items = (tag("div", tag("b", tag("bdi", stage.name)), _entries(stage, "alarm")) for stage in loud)
    return tag("section", tag("h2", both("alarms")), *items, class_="alarm") if loud else Html("")


def _entries(stage: Stage, event: str) -> Html:
    entries = [entry for entry in stage.journal if entry.get("event") == event]
    said = ({key: value for key, value in entry.items() if key not in ("event", "time")} for entry in entries)
    items = (tag("li", _value(values)) for values in islice(said, MAX_NOTES))
    more = tag("p", both("shown-of", shown=MAX_NOTES, total=len(entries))) if len(entries) > MAX_NOTES else ""
    return joined(tag("ul", *items), more)


def _value(value: object, depth: int = 0) -> Html:
    """Plain JSON as text; mappings one `key: value` a line, not deeper than people read."""
    if not isinstance(value, dict) or depth == MAX_DEPTH:
        return tag("bdi", value)
    parts = (tag("div", tag("bdi", key), ": ", _value(inner, depth + 1)) for key, inner in value.items())
    return tag("div", *parts, class_="nested")
