"""The page of what training would learn from: alone, and safe with hostile texts."""

from __future__ import annotations

from test_markup import Seen
from test_page import assert_alone

from dajeong.data.doctor.finding import Finding
from dajeong.models.inspection import Inspection, Lengths, Piece, Share, Shown
from dajeong.report.inspection_page import page

HOSTILE = '<img src=x onerror="alert(1)">'


def inspection() -> Inspection:
    pieces = (
        Piece(text=HOSTILE, ids=(1, 2), learn=False),
        Piece(text="네.", ids=(3,), learn=True),
        Piece(text="<eos>", ids=(0,), learn=True, control=True),
    )
    finding = Finding(
        code="too-long", severity="warning", count=3, of=9, examples=(HOSTILE,), parameters={"max_tokens": 8}
    )
    return Inspection(
        template="kullm",
        max_tokens=8,
        eos="<eos>",
        examples=9,
        tokens=36,
        learned=18,
        lengths=Lengths(median=4, p95=8, longest=8),
        ends={"learned": 6, "cut": 3, "absent": 0},
        sources={HOSTILE: Share(examples=9, tokens=36, learned=18, truncated=3)},
        first=(Shown(id=HOSTILE, source=HOSTILE, pieces=pieces, num_tokens=4, ends=("learned",)),),
        findings=(finding,),
    )


def test_texts_are_shown_never_obeyed() -> None:
    whole = page([("sft", inspection())])
    assert_alone(whole)
    elements = Seen(whole).elements
    assert "img" not in [name for name, _ in elements]
    spans = [given.get("class") for name, given in elements if name == "span" and "title" in given]
    assert spans == [None, "learned", "learned control"]
    assert "8보다 길어" in whole and "longer than max_tokens 8" in whole


def test_the_same_figures_give_the_same_bytes() -> None:
    assert page([("sft", inspection())]) == page([("sft", inspection())])
