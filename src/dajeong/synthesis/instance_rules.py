"""Why a machine-made input or answer is not taken: the paper's rules for instances, and those of our house.

A rule sees one instance and the task it belongs to. Knows no service.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dajeong.data import refusal
from dajeong.data.clean import is_empty
from dajeong.data.filters.keys import comparable
from dajeong.data.filters.refusals import SPEAKS_AS_MODEL
from dajeong.data.filters.speech import is_polite, register_of
from dajeong.synthesis.first_fault import first_fault
from dajeong.synthesis.letters import broken_character, hangul_share, num_letters

SPOKEN = frozenset({"talk", "advice", "abusive"})
"""Kinds that are talk: no material comes with them, and answers speak 해요체."""
MIN_HANGUL = 0.3
_MANY_LETTERS = 20
_OTHER_SCRIPT = re.compile(
    r"영어|영문|일본어|중국어|한자|독일어|프랑스어|스페인어|외국어|번역|로마자|알파벳"
    r"|코드|코딩|프로그램|함수|파이썬|자바|SQL|HTML|수식",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?…~])\s+|\n+")
_OPEN_END = re.compile(r"[:：,]\s*\Z")
_SHAPE = re.compile(r"\A\W*(?:\.\.\.|…)\W*\Z|\"(?:input|output|instances)\"\s*:")


class Instance(NamedTuple):
    """An input and the answer to it; without material the input is empty."""

    input: str
    output: str


class Setting(NamedTuple):
    """The task an instance belongs to."""

    kind: str
    instruction: str


Rule = Callable[[Instance, Setting], str | None]


def _empty(instance: Instance, task: Setting) -> str | None:
    return "no words" if is_empty(instance.output) or not re.search(r"\w", instance.output) else None


def _echo(instance: Instance, task: Setting) -> str | None:
    """The answer is the input or the instruction again, or the input is the instruction."""
    # word by word: to put spaces right is an answer too
    answer, given, asked = (text.split() for text in (instance.output, instance.input, task.instruction))
    if answer in (given, asked):
        return "answer repeats the request"
    return "input repeats the instruction" if given == asked else None


def _open_end(instance: Instance, task: Setting) -> str | None:
    """Ends in a colon: what it announces is missing."""
    found = _OPEN_END.search(instance.output) or _OPEN_END.search(instance.input)
    return repr(found[0].strip()) if found else None


def _broken(instance: Instance, task: Setting) -> str | None:
    return broken_character(instance.output) or broken_character(instance.input)


def _shape(instance: Instance, task: Setting) -> str | None:
    found = _SHAPE.search(instance.output) or _SHAPE.search(instance.input)
    return repr(found[0]) if found else None


def _refuses(instance: Instance, task: Setting) -> str | None:
    """Declines or preaches; a plea for kinder words is the proper answer to abuse only."""
    if SPEAKS_AS_MODEL.search(instance.output):
        return "speaks as a model"
    bad = refusal.findings(instance.output) - ({"plea"} if task.kind == "abusive" else set())
    spoken = bad if task.kind in SPOKEN else bad & {"refusal"}
    return sorted(spoken)[0] if spoken else None


def _language(instance: Instance, task: Setting) -> str | None:
    """Hardly any Hangul, where neither task nor material calls for other letters."""
    share = hangul_share(instance.output)
    if share >= MIN_HANGUL or num_letters(instance.output) < _MANY_LETTERS:
        return None
    wanted = _OTHER_SCRIPT.search(task.instruction) or "```" in instance.output
    return None if wanted else f"{share:.2f} < {MIN_HANGUL}"


def _register(instance: Instance, task: Setting) -> str | None:
    """Talk is answered in 존댓말 whatever the user speaks: one house style. Quotations may differ."""
    if task.kind not in SPOKEN:
        return None
    found = {register_of(sentence) for sentence in _SENTENCE.split(instance.output)} - {"none"}
    return None if not found or any(map(is_polite, found)) else ", ".join(sorted(found))


RULES: Mapping[str, Rule] = {
    "answer-empty": _empty,
    "answer-broken": _broken,
    "answer-shape": _shape,
    "answer-echo": _echo,
    "answer-open-end": _open_end,
    "answer-refusal": _refuses,
    "answer-language": _language,
    "answer-register": _register,
}
"""Name → what speaks against an instance; the first that says so names the reject."""


def fault(instance: Instance, task: Setting) -> tuple[str, str] | None:
    """(rule, what it saw) of the first rule an instance breaks; None where it breaks none."""
    return first_fault(RULES, instance, task)


def contradicting(instances: Sequence[Instance]) -> set[int]:
    """Places of instances that give one input different answers, or the same instance again."""
    answers: dict[str, set[str]] = {}
    for instance in instances:
        answers.setdefault(comparable(instance.input), set()).add(comparable(instance.output))
    found: set[int] = set()
    seen: Counter[tuple[str, str]] = Counter()
    for place, instance in enumerate(instances):
        given, answer = comparable(instance.input), comparable(instance.output)
        seen[given, answer] += 1
        if (given and len(answers[given]) > 1) or seen[given, answer] > 1:
            found.add(place)
    return found
