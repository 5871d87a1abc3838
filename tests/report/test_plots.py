"""Curves: whole, finite, small, the same each time, and alone in their names."""

import re

from dajeong.report.markup import Html
from dajeong.report.plots import MAX_POINTS, Series, curve

X, Y = Html("업데이트"), Html('<tspan class="ko">손실 &amp; 값</tspan>')


def points(count: int) -> list[tuple[float, float]]:
    return [(float(x), 1.0 / x) for x in range(1, count + 1)]


def vertices(svg: str, colour: int = 0) -> int:
    path = re.search(rf'd="([^"]*)"[^>]*var\(--series-{colour}\)', svg)
    assert path
    return path[1].count("M") + path[1].count("L")


def test_the_same_points_give_the_same_bytes() -> None:
    one, other = (curve("a", [Series("train", points(50))], X, Y, "caption") for _ in range(2))
    assert one == other


def test_labels_are_letters_that_the_browser_draws() -> None:
    svg = curve("a", [Series("train", points(50))], X, Y, "caption").svg
    assert ">업데이트</text>" in svg and '<tspan class="ko">손실 &amp; 값</tspan>' in svg
    assert "font-family" not in svg and "LABEL" not in svg


def test_two_curves_share_no_name() -> None:
    series = [Series("train", points(50))]
    drawn = [curve(name, series, X, Y, "caption").svg for name in ("curve-1", "curve-2")]
    first, second = (set(re.findall(r'\bid="([^"]*)"', svg)) for svg in drawn)
    assert first and not first & second
    for svg, own in zip(drawn, (first, second), strict=True):
        used = set(re.findall(r'(?:href="|url\()#([^")]*)', svg))
        assert used and used <= own


def test_nothing_points_outside() -> None:
    svg = curve("a", [Series("train", points(5)), Series("validation", points(3))], X, Y, "caption").svg
    assert "http" not in svg and "<!DOCTYPE" not in svg and "<style" not in svg and "xlink" not in svg
    assert "#c3000" not in svg and "#a1a1a1" not in svg and "#ffffff" not in svg


def test_long_series_are_averaged_and_it_is_said() -> None:
    drawn = curve("a", [Series("train", points(MAX_POINTS * 3))], X, Y, "caption")
    assert drawn.group == 3
    assert vertices(drawn.svg) <= MAX_POINTS


def test_short_series_keep_every_point() -> None:
    drawn = curve("a", [Series("train", points(30))], X, Y, "caption")
    assert drawn.group == 1 and vertices(drawn.svg) == 30


def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    broken = [*points(30), (31.0, float("nan")), (32.0, float("inf"))]
    drawn = curve("a", [Series("train", broken)], X, Y, "caption")
    assert drawn.num_left_out == 2 and vertices(drawn.svg) == 30


def test_nothing_to_draw_is_no_error() -> None:
    assert curve("a", [Series("train", [])], X, Y, "caption").svg.startswith("<svg")
