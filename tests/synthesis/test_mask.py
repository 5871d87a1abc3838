"""Masks: what is taken out, that it comes back byte for byte, and that no lost or moved mark goes unseen."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.synthesis import mask
from dajeong.synthesis.mask_code import is_code

TAKEN = {
    "fence": ("Run this:\n```python\nx = 1\nprint(x)\n```\nThen wait.", ["```python\nx = 1\nprint(x)\n```"]),
    "fence in a line": ("Run ```x = 1\ny = 2``` now.", ["```x = 1\ny = 2```"]),
    "open fence": ("Run this:\n```\nx = 1\n\ny", ["```\nx = 1\n\ny"]),
    "inline code": ("Use `a b` and ``c`d`` here.", ["`a b`", "``c`d``"]),
    "inline math": ("Let $x^2 + y$ be $n$ items.", ["$x^2 + y$", "$n$"]),
    "display math": (r"So \[ a = b \] and $$c$$ and \(d\) hold.", [r"\[ a = b \]", "$$c$$", r"\(d\)"]),
    "environment": (
        "See\n\\begin{itemize}\n\\begin{itemize}\n\\item a b\n\\end{itemize}\n\\end{itemize}\nabove.",
        ["\\begin{itemize}\n\\begin{itemize}\n\\item a b\n\\end{itemize}\n\\end{itemize}"],
    ),
    "command": (r"Write \section{My Title} and \alpha first.", [r"\section{My Title}", r"\alpha"]),
    "address": (
        "Look at https://example.org/a_(b)?q=1, or (https://example.net).",
        ["https://example.org/a_(b)?q=1", "https://example.net"],
    ),
    "mail": ("Mail mina@example.org today.", ["mina@example.org"]),
    "path": ("Open /etc/hosts or C:\\Users\\me\\a.txt or src/main.py now.", None),
    "placeholder": (
        "Hi {name}, you owe {{amount}}, %s and %(sum)d.",
        ["{name}", "{{amount}}", "%s", "%(sum)d"],
    ),
    "tag": (
        'Put <img src="a.png" alt="b c"/> in <b>bold</b>.',
        ['<img src="a.png" alt="b c"/>', "<b>", "</b>"],
    ),
    "element": ("Say <code>print the list</code> twice.", ["<code>print the list</code>"]),
    "call": ("Call getch() or is_prime in it.", ["getch()", "is_prime"]),
    "own mark": ("The sign ⟦0⟧ stands for a gap.", ["⟦0⟧"]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_must_stay_is_taken_out_whole(name: str) -> None:
    text, spans = TAKEN[name]
    masked = mask.masked(text)
    assert mask.restored(masked.text, masked.spans) == text
    if spans is not None:
        assert list(masked.spans) == spans
    else:
        assert len(masked.spans) == 3


PROSE = (
    "It costs $90 at noon, and a further $17 for the cooler, so bring $5 or $6 with you.",
    "For example: he or she may choose the red one (or not); 24/7 is fine, and/or less.",
    "Return true if it is a power of three. Select the best item from the list and update it.",
    "Let me think. Import the good wine, then try it: you will like it!",
    "Is 3 < 4 and 5 > 2? Yes, 100% of the time, e.g. on Monday; see [1] (2019).",
    "To do:\n- Buy milk\n- Call mum\n\n# Plan\nThe end.",
)


@pytest.mark.parametrize("text", PROSE)
def test_sentences_are_left_to_be_translated(text: str) -> None:
    assert mask.masked(text) == (text, ())


CODE = """\
def is_prime(n):
    for i in range(2, n):
        if n % i == 0:
            return False

    # nothing divides it
    return True"""
JAVA = "public class Solution {\n    public int two(int n) {\n        return (n + 1) % 2;\n    }\n}"
SQL = "select FirstName, City\nfrom Person left join Address\non Person.Id = Address.Id;"
TEX = "\\documentclass{article}\n\\usepackage[utf8]{inputenc}\n\\title{Two Words}"
REGEX = r"^(?:(?:25[0-5]|2[0-4][0-9])\.){3}[0-9]$"


@pytest.mark.parametrize("code", (CODE, JAVA, SQL, TEX, REGEX, 'print("Hello World!")', "x = y ** 2"))
def test_unmarked_code_between_sentences_is_one_mask(code: str) -> None:
    masked = mask.masked(f"The answer is easy to find.\n{code}\nIt prints what you want.")
    assert masked.spans == (code,)
    assert masked.text == "The answer is easy to find.\n⟦0⟧\nIt prints what you want."


def test_a_line_as_long_as_a_book_is_no_code_and_takes_no_time() -> None:
    pieces = (
        "a",
        "a b ",
        "(",
        "x=",
        "$",
        "$a ",
        "\\a",
        "-",
        "a-",
        "a.",
        "a/",
        "`",
        "```a\n",
        "<a b=c ",
        "\\[",
        "<!--",
    )
    for piece in pieces:
        line = piece * (8_000 // len(piece))
        mask.masked(line)
        assert not is_code(line)


@given(st.text(alphabet="ab 1\n`$\\{}()[]<>/=;:.@%_&⟦⟧#-*~'\"가", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back_byte_for_byte(text: str) -> None:
    masked = mask.masked(text)
    assert mask.fault(masked.text, len(masked.spans)) is None
    assert mask.restored(masked.text, masked.spans) == text
    assert mask.holds_in_order(text, masked.spans)
    assert "".join(mask.segments(masked.text)) == masked.text


@given(
    st.integers(1, 6),
    st.randoms(use_true_random=False),
    st.sampled_from(("lost", "doubled", "order", "invented", "broken")),
)
@settings(max_examples=200, deadline=None)
def test_a_mark_lost_doubled_moved_or_broken_is_named(count: int, draw: random.Random, how: str) -> None:
    marks = [mask.mark(number) for number in range(count)]
    place = draw.randrange(count)
    if how == "lost":
        marks.pop(place)
    elif how == "doubled":
        marks.insert(draw.randrange(count + 1), marks[place])
    elif how == "invented":
        marks.insert(place, mask.mark(count + draw.randrange(3)))
    elif how == "broken":
        marks.append("⟦")
    elif count == 1:
        return
    else:
        other = (place + 1) % count
        marks[place], marks[other] = marks[other], marks[place]
    found = mask.fault("하나 ".join(["", *marks, ""]), count)
    assert found is not None and how in found


def test_marks_may_come_back_with_blanks_inside() -> None:
    assert mask.fault("⟦ 0 ⟧를 쓰고 ⟦1 ⟧을 보세요.", 2) is None
    assert mask.restored("⟦ 0 ⟧를 쓰고 ⟦1 ⟧을 보세요.", ("`a`", "`b`")) == "`a`를 쓰고 `b`을 보세요."
