"""Where everything came from: steps, whose output each of them read, what the models say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dajeong.report.markup import Html, joined, safe, tag
from dajeong.report.read import Model, Stage, step_of
from dajeong.report.tables import table
from dajeong.report.words import both

_ROW, _NODE_X, _WIDTH = 30, 150, 420
"""Pixels: height of a step's row, where the steps stand, width of the drawing."""

MAX_NOTES = 12


def lineage(stages: Sequence[Stage], models: Sequence[Model]) -> Html:
    return joined(_graph(stages), _steps(stages), _models(models), _notes(stages))


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


def _models(models: Sequence[Model]) -> Html:
    if not models:
        return Html("")
    rows = [
        tag("tr", tag("th", tag("bdi", model.name), scope="row"), tag("td", _facts(model.facts)))
        for model in models
    ]
    return joined(
        tag("h3", both("models")), table(both("models-caption"), [both("model"), both("facts")], rows)
    )


def _facts(facts: Mapping[str, object]) -> Html:
    return joined(*(tag("div", tag("bdi", name), ": ", tag("bdi", value)) for name, value in facts.items()))


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
    lines = (
        ", ".join(f"{key}: {value}" for key, value in entry.items() if key not in ("event", "time"))
        for entry in entries[:MAX_NOTES]
    )
    shown = (
        tag("p", both("shown-of", shown=MAX_NOTES, total=len(entries))) if len(entries) > MAX_NOTES else ""
    )
    return joined(tag("ul", *(tag("li", safe(line)) for line in lines)), shown)
