"""Journals as curves: which readings of a step are drawn, in which order, under which names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from dajeong.report.markup import Html, joined, tag
from dajeong.report.plots import NUM_COLOURS, Series, curve
from dajeong.report.read import Stage
from dajeong.report.words import METRICS, PAGE, READINGS, Words, both, named, svg_words

Entry = Mapping[str, Any]

_FIRST = ("reward", "raw", "kl", "length", "eos_share", "entropy", "value_loss")
"""Readings of a rollout that come first, in this order; any other number follows."""

_FIRST_TERMS = ("preference", "nll", "odds_ratio", "ranking", "policy", "value")

_COUNTERS = frozenset({"event", "time", "rollout", "update", "of"})


class Panel(NamedTuple):
    """One chart: what is read, over what, and a line for each name."""

    reading: str
    over: str
    series: tuple[Series, ...]


def curves(stages: Iterable[Stage]) -> Html:
    """Every step that kept readings, in the order of the run."""
    numbers = count()
    return joined(*(_of_stage(stage, numbers) for stage in stages))


def _of_stage(stage: Stage, numbers: count[int]) -> Html:
    main, rest = panels(stage.journal)
    if not main:
        return Html("")
    shown = tag("div", *(_figure(panel, stage.name, next(numbers)) for panel in main), class_="curves")
    folded = Html("")
    if rest:
        inside = tag("div", *(_figure(panel, stage.name, next(numbers)) for panel in rest), class_="curves")
        folded = tag("details", tag("summary", both("more-curves")), inside)
    return joined(tag("h3", both("step"), ": ", tag("bdi", stage.name)), shown, folded)


def panels(journal: Sequence[Entry]) -> tuple[list[Panel], list[Panel]]:
    """Rollout readings and losses, which are shown; gradient norms and rates, which are folded away."""
    updates = [entry for entry in journal if entry.get("event") == "update"]
    rollouts = [entry for entry in journal if entry.get("event") == "rollout"]
    guards = [entry for entry in journal if entry.get("event") in ("credit", "guard")]
    main = [*_rollout_panels(rollouts), *_rollout_panels(guards), *_loss_panels(updates, journal)]
    rest = [panel for field in ("grad_norm", "lr") for panel in _role_panel(updates, field)]
    return main, rest


def _rollout_panels(rollouts: Sequence[Entry]) -> list[Panel]:
    names = {name for entry in rollouts for name, value in entry.items() if _is_number(value)} - _COUNTERS
    ordered = sorted(names, key=lambda name: (_place(name.partition("/")[0], _FIRST), name))
    return [Panel(name, "rollout", (Series(name, _points(rollouts, "rollout", name)),)) for name in ordered]


def _place(name: str, order: Sequence[str]) -> int:
    return order.index(name) if name in order else len(order)


def _loss_panels(updates: Sequence[Entry], journal: Sequence[Entry]) -> list[Panel]:
    """A panel for each term; the validation loss is drawn into the term it names, or into the first."""
    readings = [{**_terms(entry, "loss"), "update": entry.get("update")} for entry in updates]
    checks = [entry for entry in journal if entry.get("event") == "validation"]
    validation = [{**_terms(entry, "loss"), "update": entry.get("update")} for entry in checks]
    terms = dict.fromkeys(name for reading in readings for name in reading if name != "update")
    names = sorted(terms, key=lambda name: (_place(name, _FIRST_TERMS), name))
    found = []
    for place, name in enumerate(names):
        series = [Series("train", _points(readings, "update", name))]
        checked = _points(validation, "update", name) or (
            _points(validation, "update", "loss") if not place else []
        )
        if checked:
            series.append(Series("validation", checked))
        found.append(Panel(name, "update", tuple(series)))
    return found


def _terms(entry: Entry, field: str) -> dict[str, Any]:
    value = entry.get(field)
    return dict(value) if isinstance(value, dict) else {field: value} if _is_number(value) else {}


def _role_panel(updates: Sequence[Entry], field: str) -> list[Panel]:
    readings = [
        {**_terms(entry, field), "update": entry.get("update")} for entry in updates if field in entry
    ]
    names = list(dict.fromkeys(name for reading in readings for name in reading if name != "update"))
    series = tuple(Series(name, _points(readings, "update", name)) for name in names[:NUM_COLOURS])
    return [Panel(field, "update", series)] if any(one.points for one in series) else []


def _points(entries: Sequence[Entry], over: str, name: str) -> list[tuple[float, float]]:
    return [
        (float(e[over]), float(e[name]))
        for e in entries
        if _is_number(e.get(over)) and _is_number(e.get(name))
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(panel: Panel, step: str, number: int) -> Html:
    identity = f"curve-{number}"
    x = svg_words(PAGE[panel.over], panel.over)
    names = READINGS if panel.over == "rollout" else METRICS
    y = svg_words(names.get(panel.reading.partition("/")[0]), panel.reading)
    drawn = curve(identity, panel.series, x, y, f"{identity}-caption")
    remarks = [both("averaged", group=drawn.group)] if drawn.group > 1 else []
    remarks += [both("left-out", count=drawn.num_left_out)] if drawn.num_left_out else []
    title = joined(tag("bdi", step), " · ", _reading(panel.reading, names))
    legend = tag("span", *(_key(one, place, len(panel.series)) for place, one in enumerate(panel.series)))
    notes = tag("small", *(joined(" · ", remark) for remark in remarks))
    caption = tag("figcaption", tag("b", title), tag("br"), legend, notes, id=f"{identity}-caption")
    return tag("figure", caption, drawn.svg)


def _key(series: Series, place: int, of: int) -> Html:
    """A line's name, its colour, and where it began and ended."""
    finite = [y for _, y in series.points if math.isfinite(y)]
    reach = (
        both("first-last", first=_short(finite[0]), last=_short(finite[-1])) if finite else both("nothing")
    )
    if of == 1:
        return tag("span", reach, class_="key")
    swatch = tag("i", class_=f"swatch series-{place % NUM_COLOURS}", aria_hidden="true")
    return tag("span", swatch, _line_name(series.name), " ", reach, class_="key")


def _reading(name: str, names: Mapping[str, Words]) -> Html:
    """`raw/helpful` is the reading `raw` of the reward model `helpful`."""
    known, _, of = name.partition("/")
    of = of.removeprefix("reward-")  # the role of the reward model `helpful` is `reward-helpful`
    return joined(named(names, known), joined(" · ", tag("bdi", of)) if of else "")


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _line_name(name: str) -> Html:
    known: dict[str, Words] = {code: PAGE[code] for code in ("train", "validation")}
    return named(known, name)
