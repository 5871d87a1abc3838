"""The detector against replies that we wrote and labelled by hand: how much it finds, how often it is wrong.

`seen` replies were at hand while the patterns were worked on. The `unseen` were written afterwards, in words
of their own, and no pattern was changed for them: only these say what the detector is worth on new wording.
Patterns are not to be fitted to them; new ones are written instead when they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dajeong.data.refusal import RULES, answers_too, refuses


class Labelled(NamedTuple):
    part: str
    label: str
    """`answer`; `partial` answers and scolds or declines besides; `full` does nothing else."""
    text: str


def labelled(part: str) -> list[Labelled]:
    lines = Path(__file__).with_name("labelled_replies.tsv").read_text(encoding="utf-8").splitlines()
    return [row for row in (Labelled(*line.split("\t")) for line in lines[1:]) if row.part == part]


def precision_and_recall(rows: list[Labelled]) -> tuple[float, float]:
    found = [row for row in rows if refuses(row.text)]
    right = sum(row.label != "answer" for row in found)
    return right / len(found), right / sum(row.label != "answer" for row in rows)


def test_there_are_enough_of_every_kind() -> None:
    rows = [*labelled("seen"), *labelled("unseen")]
    assert len(rows) >= 400 and len({row.text for row in rows}) == len(rows)
    for label in ("answer", "partial", "full"):
        assert sum(row.label == label for row in rows) >= 50


@pytest.mark.parametrize(("part", "precision", "recall"), [("seen", 0.99, 0.95), ("unseen", 0.9, 0.45)])
def test_what_it_finds_is_one_and_how_many_it_finds(part: str, precision: float, recall: float) -> None:
    exact, complete = precision_and_recall(labelled(part))
    assert exact >= precision, [r.text for r in labelled(part) if refuses(r.text) and r.label == "answer"]
    assert complete >= recall


@pytest.mark.parametrize("part", ["seen", "unseen"])
def test_refusals_that_answer_too_are_told_from_whole_ones(part: str) -> None:
    found = [row for row in labelled(part) if row.label != "answer" and refuses(row.text)]
    right = sum(answers_too(row.text) == (row.label == "partial") for row in found)
    assert right / len(found) >= 0.85


def texts() -> Iterator[str]:
    for part in ("seen", "unseen"):
        yield from (row.text for row in labelled(part))


def test_the_quick_look_for_signs_passes_over_nothing() -> None:
    passed = [
        (rule.signs, text)
        for text in texts()
        for rules in RULES.values()
        for rule in rules
        if rule.pattern.search(text) and not any(sign in text for sign in rule.signs)
    ]
    assert passed == []
