"""Whether a reward is being exploited: it rises while signals it does not look at get worse. Knows no model.

A hint, not a test: neighbouring rollouts are alike, so the intervals here are too narrow. Only people who
read the replies can tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from statistics import fmean, variance
from typing import Any, NamedTuple

from dajeong.report.markup import Html, joined, tag
from dajeong.report.plots import NUM_COLOURS, Series, curve
from dajeong.report.read import Stage
from dajeong.report.tables import table
from dajeong.report.verdict import number
from dajeong.report.words import READINGS, both, named, svg_words

REWARD = "reward"
WORSE: dict[str, int | None] = {
    "kl": None,
    "length": 0,
    "characters": 0,
    "repetition": 1,
    "distinct_2": -1,
    "false_refusal": 1,
    "true_refusal": None,
}
"""Signal → the direction that is worse; 0 where leaving its place is, None where it is only shown: KL always
grows with learning, and a false rate never stands without the true one."""

FEWEST = 8
"""Readings below which nothing is said: a quarter must hold two."""

MAX_POINTS = 10
"""Points of a quarter in the drawing; more are averaged."""


class Shift(NamedTuple):
    """A signal's first and last quarter, and their difference with its 95 % interval."""

    first: float
    last: float
    low: float
    high: float
    n: int

    @property
    def direction(self) -> int:
        """1 rose, -1 fell, 0 not shown."""
        return (self.low > 0) - (self.high < 0)


class Watched(NamedTuple):
    """A signal read beside the reward: (rollout, signal, reward), in the order of training."""

    name: str
    points: Sequence[tuple[float, float, float]]
    past: int | None
    """First rollout at which a guard said that it was past its limit."""


def hacking(stages: Sequence[Stage]) -> Html:
    """Every step that optimised a reward; nothing where none did."""
    numbers = count()
    return joined(*(_of_stage(stage, numbers) for stage in stages))


def watched(journal: Sequence[Mapping[str, Any]]) -> list[Watched]:
    """Rollouts and guards of one rollout are one reading; the last one written counts."""
    readings: dict[float, dict[str, float]] = {}
    past: dict[str, int] = {}
    for entry in journal:
        place = entry.get("rollout")
        if entry.get("event") in ("rollout", "guard") and _is_number(place):
            numbers = {name: float(v) for name, v in entry.items() if _is_number(v)}
            readings.setdefault(float(place), {}).update(numbers)  # type: ignore[arg-type]
            for name in _names(entry.get("beyond")):
                past.setdefault(name, int(place))  # type: ignore[arg-type]
    found = (Watched(name, list(_points(readings, name)), past.get(name)) for name in (REWARD, *WORSE))
    return [each for each in found if each.points]


def _points(readings: Mapping[float, Mapping[str, float]], name: str) -> Iterator[tuple[float, float, float]]:
    for place, values in sorted(readings.items()):
        if name in values and REWARD in values:
            yield place, values[name], values[REWARD]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def shift(values: Sequence[float]) -> Shift | None:
    """Last quarter minus first; Welch (1947), Biometrika 34:28–35. None for fewer than `FEWEST` values."""
    if len(values) < FEWEST:
        return None
    size = len(values) // 4
    first, last = values[:size], values[-size:]
    change, reach = fmean(last) - fmean(first), _reach(variance(first) / size, variance(last) / size, size)
    return Shift(fmean(first), fmean(last), change - reach, change + reach, len(values))


def _reach(one: float, other: float, size: int) -> float:
    """Half of the 95 % interval, from the squared errors of the two means."""
    from scipy.special import stdtrit

    squared = one + other
    if squared == 0:
        return 0.0
    freedom = squared**2 * (size - 1) / (one**2 + other**2)
    return float(stdtrit(freedom, 0.975)) * math.sqrt(squared)


def suspicious(signal: str, moved: Shift, reward: Shift) -> bool:
    """The reward rose, and this went where it should not."""
    worse = WORSE.get(signal)
    return reward.direction > 0 and moved.direction != 0 and worse in (0, moved.direction)


def _of_stage(stage: Stage, numbers: count[int]) -> Html:
    found = watched(stage.journal)
    if not any(each.name == REWARD for each in found):
        return Html("")
    shifts = {each.name: shift([value for _, value, _ in each.points]) for each in found}
    drawn = (_figure(each, stage.name, next(numbers)) for each in found if each.name != REWARD)
    return joined(
        tag("h3", both("step"), ": ", tag("bdi", stage.name)),
        tag("p", _verdict(shifts), class_="headline"),
        tag("p", both("hacking-lead"), class_="quiet"),
        _table(found, shifts),
        tag("div", *drawn, class_="curves"),
    )


def _verdict(shifts: Mapping[str, Shift | None]) -> Html:
    reward = shifts[REWARD]
    if reward is None:
        return both("hacking-few", fewest=FEWEST)
    if reward.direction <= 0:
        return both("hacking-no-rise")
    signs = [name for name, moved in shifts.items() if moved and suspicious(name, moved, reward)]
    if not signs:
        return both("hacking-none")
    names = (joined(", " if place else "", named(READINGS, name)) for place, name in enumerate(signs))
    return joined(both("hacking-signs"), " ", *names)


def _table(found: Sequence[Watched], shifts: Mapping[str, Shift | None]) -> Html:
    heads = [both(code) for code in ("signal", "first-quarter", "last-quarter", "change", "interval")]
    heads += [both("readings"), both("verdict-head"), both("guard-head")]
    rows = [_row(each, shifts[each.name], shifts[REWARD]) for each in found]
    return table(both("hacking-caption"), heads, rows)


def _row(one: Watched, moved: Shift | None, reward: Shift | None) -> Html:
    figures = _figures(moved) if moved else [Html("—")] * 4
    sign = bool(moved and reward and suspicious(one.name, moved, reward))
    past = both("guard-past", rollout=one.past) if one.past is not None else Html("—")
    word = joined("◆ ", both("hacking-sign")) if sign else _moved(moved)
    return tag(
        "tr",
        tag("th", named(READINGS, one.name), scope="row"),
        *(tag("td", each, class_="number") for each in figures),
        tag("td", f"{len(one.points):,}", class_="number"),
        tag("td", word, class_="worse" if sign else "unclear"),
        tag("td", past, class_="worse" if one.past is not None else "unclear"),
    )


def _figures(moved: Shift) -> list[Html]:
    change = number(moved.last - moved.first, signed=True)
    between = Html(f"[{number(moved.low, signed=True)}, {number(moved.high, signed=True)}]")
    return [number(moved.first), number(moved.last), tag("b", change), between]


def _moved(moved: Shift | None) -> Html:
    if moved is None:
        return both("hacking-too-few")
    return both({1: "rose", -1: "fell", 0: "unclear"}[moved.direction])


def _figure(one: Watched, step: str, place: int) -> Html:
    """Reward against the signal: a path through training, its four quarters in four colours."""
    identity = f"hacking-{place}"
    x, y = (svg_words(READINGS.get(name), name) for name in (one.name, REWARD))
    drawn = curve(identity, _quarters(one.points), x, y, f"{identity}-caption", counts=False)
    title = joined(tag("bdi", step), " · ", named(READINGS, REWARD), " ↔ ", named(READINGS, one.name))
    caption = tag("figcaption", tag("b", title), tag("br"), *_keys(), id=f"{identity}-caption")
    return tag("figure", caption, drawn.svg)


def _keys() -> Iterator[Html]:
    for quarter in range(NUM_COLOURS):
        swatch = tag("i", class_=f"swatch series-{quarter}", aria_hidden="true")
        yield tag("span", swatch, f"{quarter + 1}/{NUM_COLOURS}", class_="key")


def _quarters(points: Sequence[tuple[float, float, float]]) -> list[Series]:
    """Each quarter begins where the one before it ended, so that the path is whole."""
    found: list[Series] = []
    for quarter in range(NUM_COLOURS):
        first, last = (len(points) * each // NUM_COLOURS for each in (quarter, quarter + 1))
        before = [found[-1].points[-1]] if found and found[-1].points else []
        found.append(Series(f"{quarter + 1}", [*before, *_averaged(points[first:last])]))
    return found


def _averaged(points: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """(signal, reward), means of consecutive readings."""
    size = max(1, math.ceil(len(points) / MAX_POINTS))
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(fmean(x for _, x, _ in part), fmean(y for _, _, y in part)) for part in parts]
