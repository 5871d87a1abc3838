"""Every word the page asks for is there, in two languages that leave the same gaps."""

import re
from pathlib import Path
from string import Formatter

import pytest

import dajeong.report
from dajeong.report.words import KINDS, METRICS, PAGE, READINGS, ROLES, TASKS, Words, both

SOURCES = [
    path.read_text(encoding="utf-8") for path in Path(next(iter(dajeong.report.__path__))).glob("*.py")
]
ALL = [words for table in (PAGE, METRICS, READINGS, TASKS, KINDS, ROLES) for words in table.values()]


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("words", ALL)
def test_both_languages_leave_the_same_gaps(words: Words) -> None:
    assert words.ko and words.en and gaps(words.ko) == gaps(words.en)


def test_every_word_asked_for_is_there() -> None:
    asked = {code for source in SOURCES for code in re.findall(r'\bboth\("([\w-]+)"', source)}
    assert asked and asked <= set(PAGE)


def test_no_word_is_there_for_nothing() -> None:
    everything = "\n".join(SOURCES)
    made = {f"{name}-list" for name in ("better", "worse", "changed", "unclear")}
    assert [code for code in PAGE if everything.count(f'"{code}"') < 2 and code not in made] == []


def test_what_fills_a_gap_is_escaped() -> None:
    assert "<i>" not in both("pair", model="<i>", versus="sft")
