"""Why an evolved instruction or its answer is not taken: the paper's four eliminations, and what Korean adds.

The paper's: no gain (a model says so, `evol.py`), an answer that apologises briefly, one of stop words only,
and words of the request copied. A rule sees texts; knows neither pool nor model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dajeong.data.clean import is_empty
from dajeong.data.filters.keys import comparable
from dajeong.data.filters.refusals import SPEAKS_AS_MODEL
from dajeong.data.reserved import reserved_for
from dajeong.records import Dialogue, Message
from dajeong.synthesis.first_fault import first_fault
from dajeong.synthesis.instance_rules import RULES as INSTANCE_RULES
from dajeong.synthesis.instance_rules import Instance, Setting
from dajeong.synthesis.instruct_settings import EvolSettings, Operation
from dajeong.synthesis.letters import broken_character, hangul_share, num_items, num_lines

_COPIED = re.compile(
    r"(?:주어진|원래(?:의)?|본래|기존|새로운|새|재작성(?:된|한)?|다시 ?쓴|고쳐 ?쓴|수정(?:된|한)"
    r"|진화(?:된|한)?) ?"
    r"(?:프롬프트|지시문|명령어|명령문|지시 ?사항)"
    r"|다시 ?작성(?:된|한|해)|더 (?:복잡|어렵)(?:하게|게) (?:바꾼|고친|만든|다시)"
    r"|본래 말|고친 말|</?(?:글|첫째|둘째)>"
    r"|#?(?:given|rewritten|created|new|original|evolved)[ _](?:prompt|instruction)s?#?",
    re.IGNORECASE,
)
_PRODUCT = re.compile(r"openai|오픈 ?AI|(?<![a-z])gpt|챗 ?(?:지피티|gpt)", re.IGNORECASE)
_SORRY = re.compile(
    r"죄송(?:하지만|합니다만|하게도|해요|합니다|스럽)|미안(?:하지만|해요|합니다)|유감스럽게도"
    r"|(?<![a-z])sorry(?![a-z])"
    r"|(?:도와|알려|답변|답해|말씀)\s?드릴 수 ?(?:는|가)? ?없|할 수 없(?:습니다|어요)|i cannot|i can't",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\A\W*(?:죄송|미안하지만|유감스럽|sorry|i (?:cannot|can't|am sorry))|고쳐 ?드릴 수 없", re.IGNORECASE
)
_STOP = (
    "네 예 아니요 아뇨 응 음 어 그 저 이 그리고 그러나 하지만 또 또는 및 등 것 수 때 좀 더 다시 없음 "
    "the a an of to in on for and or is are be it this that yes no ok"
)
_STOP_WORDS = frozenset(_STOP.split())
_WORD = re.compile(r"[^\W_]+")
MORE_LINES = 10
"""Lines or items that a rewriting may have beyond what it came from; more is an answer, or has run wild."""


class Rewriting(NamedTuple):
    parent: str
    text: str
    operation: Operation


Rule = Callable[[Rewriting, EvolSettings], str | None]


def has_words(text: str) -> bool:
    """Whether anything but punctuation and stop words is said."""
    return any(word.lower() not in _STOP_WORDS for word in _WORD.findall(text))


def _no_words(made: Rewriting, settings: EvolSettings) -> str | None:
    return "no words" if is_empty(made.text) or not has_words(made.text) else None


def _broken(made: Rewriting, settings: EvolSettings) -> str | None:
    return broken_character(made.text)


def _unchanged(made: Rewriting, settings: EvolSettings) -> str | None:
    return "same letters" if comparable(made.text) == comparable(made.parent) else None


def _copied(made: Rewriting, settings: EvolSettings) -> str | None:
    return _new_in(_COPIED, made)


def _product(made: Rewriting, settings: EvolSettings) -> str | None:
    return _new_in(_PRODUCT, made)


def _model_speaks(made: Rewriting, settings: EvolSettings) -> str | None:
    return _new_in(SPEAKS_AS_MODEL, made) or _new_in(_REFUSES, made)


def _length(made: Rewriting, settings: EvolSettings) -> str | None:
    """Deepened ones grow, but not without bound; new ones in breadth need not grow."""
    length, before = len(made.text), max(1, len(made.parent))
    if length > settings.max_characters:
        return f"{length} > {settings.max_characters}"
    ratio = length / before
    if made.operation != "breadth" and ratio < settings.min_ratio:
        return f"{ratio:.2f} < {settings.min_ratio}"
    if ratio > settings.max_ratio and length > settings.free_characters:
        return f"{ratio:.2f} > {settings.max_ratio}"
    return None


def _lines(made: Rewriting, settings: EvolSettings) -> str | None:
    lines = num_lines(made.text) - num_lines(made.parent)
    items = num_items(made.text) - num_items(made.parent)
    if lines > MORE_LINES:
        return f"{lines} lines more"
    return f"{items} items more" if items > MORE_LINES else None


def _hangul(made: Rewriting, settings: EvolSettings) -> str | None:
    share, least = hangul_share(made.text), min(settings.min_hangul, 0.8 * hangul_share(made.parent))
    return f"{share:.2f} < {least:.2f}" if share < least else None


def _evaluation(made: Rewriting, settings: EvolSettings) -> str | None:
    return reserved_for(Dialogue(id="-", messages=(Message(role="user", content=made.text),)))


def _new_in(pattern: re.Pattern[str], made: Rewriting) -> str | None:
    """What the pattern finds in the rewriting, where the original had nothing of the kind."""
    found = pattern.search(made.text)
    return repr(found[0]) if found and not pattern.search(made.parent) else None


RULES: Mapping[str, Rule] = {
    "no-words": _no_words,
    "broken": _broken,
    "unchanged": _unchanged,
    "copied-words": _copied,
    "product-name": _product,
    "model-speaks": _model_speaks,
    "hangul": _hangul,
    "lines": _lines,
    "length": _length,
    "evaluation-item": _evaluation,
}
"""Name → what speaks against a rewriting; the first that says so names the reject."""
ANSWER_RULES = {
    name: INSTANCE_RULES[name]
    for name in ("answer-broken", "answer-shape", "answer-echo", "answer-refusal", "answer-language")
}


def fault(made: Rewriting, settings: EvolSettings) -> tuple[str, str] | None:
    """(rule, what it saw) of the first rule a rewriting breaks; None where it breaks none."""
    return first_fault(RULES, made, settings)


def answer_fault(instruction: str, kind: str, answer: str, settings: EvolSettings) -> tuple[str, str] | None:
    """The same of an answer: then its instruction was not fit to be answered."""
    if not has_words(answer):
        return "answer-no-words", ""
    sorry = _SORRY.search(answer)
    if sorry and len(answer) < settings.sorry_characters and not _SORRY.search(instruction):
        return "answer-sorry", repr(sorry[0])
    copied = _COPIED.search(answer)
    if copied and not _COPIED.search(instruction):
        return "answer-copied-words", repr(copied[0])
    return first_fault(ANSWER_RULES, Instance("", answer), Setting(kind, instruction))
