"""Every word the page asks for is there, in two languages that leave the same gaps."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import dajeong.report
from dajeong.judging.rules import Criterion
from dajeong.report.remarks import NOTES, SHAPES, noted
from dajeong.report.words import (
    BASELINES,
    FACTS,
    KINDS,
    METRICS,
    PAGE,
    READINGS,
    ROLES,
    TASKS,
    TERMS,
    WAYS,
    Words,
    asking,
    both,
    task_named,
)

SOURCES = [
    path.read_text(encoding="utf-8") for path in Path(next(iter(dajeong.report.__path__))).glob("*.py")
]
TABLES = (PAGE, METRICS, READINGS, TASKS, KINDS, ROLES, BASELINES, WAYS, NOTES, SHAPES, FACTS, TERMS)
ALL = [words for table in TABLES for words in table.values()]


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


def test_ways_of_asking_and_remarks_are_said_in_both_languages() -> None:
    assert "제 형식" in asking("T 0.8, own format") and asking("T 0.8").count("span") == 0
    said = noted(["asked as '<b>'", "McNemar p 0.5"])
    assert "물은 형식" in said and "&lt;b&gt;" in said and "McNemar p 0.5" in said


def test_every_criterion_of_the_rules_has_a_name() -> None:
    criteria = set(get_args(Criterion))
    assert "proper" in criteria and criteria <= set(METRICS)


def test_what_judges_remark_has_words_in_both_languages() -> None:
    remarks = {
        "wins 4, ties 0, losses 1": "승 4, 무 0, 패 1",
        "sign test p 0.002, which is McNemar's of wins and losses": "부호 검정 p 0.002",
        "McNemar p 0.031 of their wins": "이긴 쌍의 맥니마 검정 p 0.031",
        "12% at the ceiling": "만점 12%",
        "only 9 prompts": "프롬프트가 9개뿐",
        "7 of 80 prompts are in the training data: nothing is shown": "80개 가운데 7개",
        "not shown: the interval holds 0": "구간이 0을 품음",
        "both against <b>": "둘 다 상대는 &lt;b&gt;",
    }
    for remark, words in remarks.items():
        said = noted([remark])
        assert words in said and "<b>" not in said, remark


def test_a_task_without_words_of_its_own_is_named_by_its_parts() -> None:
    """Seen to fail: the Korean page said `quality/abusive`."""
    said = task_named("quality/abusive")
    assert TASKS["quality"].ko in said and KINDS["abusive"].ko in said and "quality/" not in said
    assert "&lt;i&gt;" in task_named("quality/<i>") and "mine/x" in task_named("mine/x")
