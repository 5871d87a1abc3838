"""What gives a bad translation away, rule by rule. Sees two texts without their masked parts.

Thresholds come from 460 machine-translated pairs; `docs/synthesis.md` has them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dajeong.data import refusal
from dajeong.data.filters.speech import register_of
from dajeong.synthesis.letters import broken_character, hangul_share, num_letters
from dajeong.synthesis.translate_settings import CheckName, WantedRegister

SHORT = 40
"""Characters of a source below which its length says little about that of its translation."""
RATIOS = (0.25, 1.1)
"""Translation to source, in characters: Korean needs about half of English's."""
MIN_HANGUL = 0.3
"""Share of the letters; below, the text was hardly translated."""
_FEW_WORDS = 3
_GRAM = 4
_OFTEN = 4

_WORD = re.compile(r"(?<![\w'’-])[a-z]{2,}(?![\w])")
_DIGITS = re.compile(r"\d+")
_REWORDED = re.compile(
    r"\d[\d.,]*(?:(?:st|nd|rd|th)\b|\s?(?:thousand|million|billion|trillion|[kKM]|bn)\b)", re.IGNORECASE
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ENGLISH_REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable to|not able to|(?:can|could|will|would)(?: ?not|['’]t)"
    r"|as an? (?:AI|language)|inappropriate|offensive|hate(?:ful)?|(?:dis)?respect(?:ful)?"
    r"|discriminat\w+|polite|rude|harmful)\b",
    re.IGNORECASE,
)
_OWN_TALK = re.compile(
    r"\A\W*(?:번역(?:문|본|\s?결과)?\s*(?:은|는)?\s*(?:다음과\s?같습니다|아래와\s?같습니다)?\s*[:：]|(?:다음|아래)(?:은|는)\s.{0,30}번역"
    r"|(?:here(?: is|['’]s)|the|korean)\b.{0,40}\btranslat(?:ion|ed)\b|translation\s*:)"
    r"|⟦|</?(?:source|context|text)>",
    re.IGNORECASE,
)


class Pair(NamedTuple):
    """A text and its translation, marks and what they stand for left out."""

    source: str
    target: str
    register: WantedRegister = "any"


def _empty(pair: Pair) -> str | None:
    return "no letters" if num_letters(pair.source) and not num_letters(pair.target) else None


def _broken(pair: Pair) -> str | None:
    return None if broken_character(pair.source) else broken_character(pair.target)


def _own_talk(pair: Pair) -> str | None:
    found = _OWN_TALK.search(pair.target)
    return None if found is None or _OWN_TALK.search(pair.source) else found[0].strip()[:40]


def _refusal(pair: Pair) -> str | None:
    """A sentence that declines where the source does not."""
    found = sorted(refusal.findings(pair.target) & {"refusal", "sermon"})
    return found[0] if found and not _ENGLISH_REFUSAL.search(pair.source) else None


def _hangul(pair: Pair) -> str | None:
    """Names and formulas may stay as they are; sentences may not."""
    if len(_WORD.findall(pair.source)) < _FEW_WORDS:
        return None
    share = hangul_share(pair.target)
    return f"{share:.2f} < {MIN_HANGUL}" if share < MIN_HANGUL else None


def _ratio(pair: Pair) -> str | None:
    length = len(pair.source.strip())
    if length <= SHORT:
        return None
    ratio = len(pair.target.strip()) / length
    return None if RATIOS[0] <= ratio <= RATIOS[1] else f"{ratio:.2f}"


def _digits(pair: Pair) -> str | None:
    """Every number of the source is there; more may be, where a word became a number.

    "1st" and "10 million" become 첫째 and 1,000만: they are not looked for.
    """
    asked = _REWORDED.sub("", pair.source)
    source, target = (set(_DIGITS.findall(_THOUSANDS.sub("", text))) for text in (asked, pair.target))
    missing = sorted(source - target)
    return f"missing {' '.join(missing)}" if missing else None


def _newlines(pair: Pair) -> str | None:
    source, target = (text.strip().count("\n") for text in (pair.source, pair.target))
    return f"{target}, not {source}" if source != target else None


def _repeated(pair: Pair) -> str | None:
    """The same words again and again, more than the source repeats anything."""
    gram, count = _most_common(pair.target)
    return f"{count} times {gram!r}" if count >= _OFTEN and count > 2 * _most_common(pair.source)[1] else None


def _most_common(text: str) -> tuple[str, int]:
    words = text.split()
    grams = Counter(" ".join(words[place : place + _GRAM]) for place in range(len(words) - _GRAM + 1))
    return grams.most_common(1)[0] if grams else ("", 0)


def _register(pair: Pair) -> str | None:
    """One register all through, the one that was asked for."""
    if pair.register == "any":
        return None
    found = register_of(pair.target)
    return None if found in (pair.register, "none") else found


CHECKS: Mapping[CheckName, Callable[[Pair], str | None]] = {
    "empty": _empty,
    "broken": _broken,
    "own-talk": _own_talk,
    "refusal": _refusal,
    "hangul": _hangul,
    "ratio": _ratio,
    "digits": _digits,
    "newlines": _newlines,
    "repeated": _repeated,
    "register": _register,
}
"""Name → what is wrong, None where nothing is."""


def problems(pair: Pair) -> dict[CheckName, str]:
    """Every check that fails, with what it saw."""
    found = ((name, check(pair)) for name, check in CHECKS.items())
    return {name: detail for name, detail in found if detail is not None}
