"""A curve as inline SVG: matplotlib lays it out, the style sheet colours it, the browser draws the letters.

Knows nothing of runs. The same points give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from dajeong.report.markup import Html, safe

MAX_POINTS = 240
"""Longer series are averaged in groups; a screen shows no more."""

NUM_COLOURS = 4
_INK, _GRID = "#a1a1a1", "#b2b2b2"
_COLOURS = tuple(f"#c3000{index}" for index in range(NUM_COLOURS))
_PAINT = {_INK: "--ink", _GRID: "--grid", **{colour: f"--series-{i}" for i, colour in enumerate(_COLOURS)}}
"""Colours that no eye will see: marks that the page's own replace, so that light and dark both fit."""

_DASHES = ("solid", (0, (4, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))


class Series(NamedTuple):
    name: str
    points: Sequence[tuple[float, float]]
    """(x, y); points with a value that is not finite are left out."""


class Curve(NamedTuple):
    svg: Html
    group: int
    """How many readings the longest series averages into a point."""
    num_left_out: int


def curve(
    identity: str, series: Sequence[Series], x: Html, y: Html, described_by: str, counts: bool = True
) -> Curve:
    """One small chart; every id in it begins with `identity`, so that many fit in one page.

    `counts`: x is a count, and is ticked at whole numbers.
    """
    kept = [Series(one.name, _finite(one.points)) for one in series]
    group = max((math.ceil(len(one.points) / MAX_POINTS) for one in kept), default=1)
    drawn = _draw([Series(one.name, _averaged(one.points, group)) for one in kept], counts)
    num_left_out = sum(len(one.points) for one in series) - sum(len(one.points) for one in kept)
    return Curve(_adopted(drawn, identity, x, y, described_by), max(group, 1), num_left_out)


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [point for point in points if all(map(math.isfinite, point))]


def _averaged(points: Sequence[tuple[float, float]], group: int) -> list[tuple[float, float]]:
    """Means of consecutive points; a short series (a few validation readings) stays as it is."""
    if len(points) <= MAX_POINTS:
        return list(points)
    parts = [points[start : start + group] for start in range(0, len(points), group)]
    return [(_mean([x for x, _ in part]), _mean([y for _, y in part])) for part in parts]


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _draw(series: Sequence[Series], counts: bool) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dajeong", "font.size": 9}):
        figure = Figure(figsize=(4.4, 2.5))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.16, 0.2, 0.82, 0.73))
        for index, one in enumerate(series):
            marker = "o" if len(one.points) <= 12 else None
            axes.plot(
                *_columns(one.points),
                color=_COLOURS[index % NUM_COLOURS],
                linestyle=_DASHES[index % NUM_COLOURS],
                linewidth=1.6,
                marker=marker,
                markersize=3.5,
            )
        _dress(axes, counts)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return out.getvalue()


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _dress(axes: object, counts: bool) -> None:
    """Quiet axes in marked colours, which `_adopted` replaces by the page's own."""
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

    assert isinstance(axes, Axes)
    axes.set_xlabel("XLABEL", color=_INK)
    axes.set_ylabel("YLABEL", color=_INK)
    axes.yaxis.set_label_coords(-0.155, 0.5)  # the same place for every chart, wide numbers or not
    axes.ticklabel_format(axis="y", scilimits=(-2, 4))
    axes.grid(color=_GRID, linewidth=0.6)
    axes.tick_params(colors=_INK, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=counts))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    for place, spine in axes.spines.items():
        spine.set_visible(place in ("left", "bottom"))
        spine.set_color(_GRID)
    for text in (axes.xaxis.get_offset_text(), axes.yaxis.get_offset_text()):
        text.set_color(_INK)


def _adopted(drawn: str, identity: str, x: Html, y: Html, described_by: str) -> Html:
    """The drawing as part of a page: its own ids, the page's colours and fonts, no backgrounds."""
    view = re.search(r'viewBox="([^"]+)"', drawn)
    assert view, "matplotlib writes a view box"
    body = drawn[drawn.index(">", view.end()) + 1 :]
    for pattern, replacement in (
        (r"<metadata>.*?</metadata>|<style.*?</style>", ""),
        (r'\bid="([^"]*)"', rf'id="{identity}-\1"'),
        (r'(?:xlink:)?href="#', f'href="#{identity}-'),
        (r"url\(#", f"url(#{identity}-"),
        (r" ?font-family:[^;\"]*;?", ""),
        (r"fill: #ffffff", "fill: none"),
        (r"\s*\n\s*", "\n"),
    ):
        body = re.sub(pattern, replacement, body, flags=re.DOTALL)
    for colour, variable in _PAINT.items():
        body = body.replace(colour, f"var({variable})")
    body = body.replace("XLABEL", x, 1).replace("YLABEL", y, 1)
    opening = f'<svg class="curve" role="img" viewBox="{view[1]}" aria-labelledby="{safe(described_by)}">'
    return Html(opening + body.strip())
