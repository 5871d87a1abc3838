"""The part of the page on data that was made: counts, samples of both, and nothing obeyed that they say."""

from __future__ import annotations

from typing import Any

import pytest
from invented_run import HOSTILE
from test_markup import Seen

from dajeong.report.made import made
from dajeong.report.read import Stage


def stage(stats: Any, name: str = "korean") -> Stage:
    return Stage(name, "translate", True, journal=({"event": "note", "synthesis": stats},))


STATS = {
    "records": 1234,
    "rejected": {"digits": 3, HOSTILE: 7},
    "flagged": {"register": 2},
    "cost": 0.5,
    "samples": [{"id": "a", "given": HOSTILE, "made": "안녕하세요.\n반가워요.", "flags": ["register"]}],
    "rejects": {"digits": [{"id": "b", "detail": "missing 3", "text": HOSTILE}], HOSTILE: []},
}


def test_counts_costs_and_samples_are_shown_and_markup_in_them_is_text() -> None:
    page = made([stage(STATS, HOSTILE)])
    names = {name for name, _ in Seen(page).elements}
    assert not names & {"script", "img", "style"} and "\u202e" not in page
    for shown in ("1,234", "$0.5000", "digits", "missing 3", "안녕하세요.", "&lt;script&gt;", "register"):
        assert shown in page
    assert page.index("&lt;script&gt;", page.index("Why candidates")) < page.index(
        "digits", page.index("Why candidates")
    ), "what rejected most comes first"


def test_nothing_is_shown_where_nothing_was_made() -> None:
    assert made([]) == made([Stage("sft", "sft", True, journal=({"event": "note", "read": {}},))]) == ""


@pytest.mark.parametrize(
    "stats", [7, [], {"records": "x", "samples": [3], "rejects": {"a": 5}, "rejected": {"a": "b"}}]
)
def test_a_diary_of_another_shape_breaks_nothing(stats: Any) -> None:
    made([stage(stats)])


def test_an_unknown_price_is_no_zero() -> None:
    assert "$" not in made([stage({**STATS, "cost": None})]) and "?" in made([stage({**STATS, "cost": None})])
