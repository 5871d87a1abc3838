"""The score in a judge's words: a bare number, 4점, 4/5, 점수: 4, JSON, full-width digits. Guesses nothing.

What holds no score, or more than one, is unread, with a code that says why; it is never 0.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from dajeong.data import refusal
from dajeong.remote.json_text import json_in

NUMBER = r"(?<![\w.,])[-+]?\d+(?:\.\d+)?(?![\d])"
_OUT_OF = re.compile(
    rf"(?P<score>{NUMBER})\s*점?\s*(?:/|out of|of)\s*(?P<of>\d+)(?![.\d])|"
    rf"(?P<score3>{NUMBER})\s*점?\s*[(,]?\s*(?P<of3>\d+)\s*점\s*만점\)?|"
    rf"(?P<of2>\d+)\s*점\s*만점\s*(?:에|중에|중|기준)?\s*(?:으로|에서)?\s*(?P<score2>{NUMBER})",
    re.IGNORECASE,
)
_SCALE = re.compile(r"\(?\b\d+\s*점?\s*(?:[-~–—]|부터|에서|to)\s*\d+\s*점?(?:까지|\b)\)?", re.IGNORECASE)
_POINTS = re.compile(rf"(?P<score>{NUMBER})\s*(?:점|points?\b)", re.IGNORECASE)
_ANY = re.compile(rf"(?P<score>{NUMBER})")
_LABELS = ("score", "rating", "점수", "평점")
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable)|I (?:cannot|can't|can not|won't)|as an AI)\b|죄송", re.IGNORECASE
)


class Reading(NamedTuple):
    """A score, or why there is none.

    empty         nothing was said                 refusal   the judge declined
    cut-off       its length ended it              language  neither Korean nor English
    no-number     words without a number           not-a-number  NaN, infinity, true, null
    ambiguous     several different numbers        out-of-range  a number, but not on the scale
    other-scale   a number out of another highest  broken-json   half an object
    """

    value: float | None
    code: str | None = None
    detail: str = ""


def read_score(
    text: str, lowest: int, highest: int, titles: Sequence[str] = (), cut: bool = False
) -> Reading:
    """`titles`: what the criterion is called. `cut`: the reply was ended by its length; its last line, which
    may have gone on, is then not read.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if cut:
        plain = plain.rpartition("\n")[0].strip()
        if not plain:
            return Reading(None, "cut-off", _shown(text))
    if not plain:
        return Reading(None, "empty")
    found = _in_json(plain, titles) if "{" in plain else None
    found = found or _in_words(plain, highest, titles)
    if found.value is None:
        return found._replace(code="cut-off") if cut else found
    if not lowest <= found.value <= highest:
        return Reading(None, "out-of-range", f"{found.value:g}")
    return found


def _in_json(text: str, titles: Sequence[str]) -> Reading:
    """The value under `score` or the criterion's name, whatever else is there."""
    found = json_in(text)
    if not isinstance(found, dict):
        return Reading(None, "broken-json", _shown(text))
    names = {_folded(name) for name in (*_LABELS, *titles)}
    values = {json.dumps(value) for name, value in found.items() if _folded(name) in names}
    if len(values) != 1:
        return Reading(None, "ambiguous" if values else "no-number", _shown(text))
    return _of_json(json.loads(values.pop()))


def _of_json(value: object) -> Reading:
    if isinstance(value, str):
        number = re.fullmatch(rf"\s*({NUMBER})\s*점?\s*", value)
        return Reading(float(number[1])) if number else Reading(None, "not-a-number", _shown(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Reading(None, "not-a-number", _shown(str(value)))
    return Reading(float(value))


def _in_words(text: str, highest: int, titles: Sequence[str]) -> Reading:
    if re.fullmatch(r"[-+]?(?:nan|inf(?:inity)?)\.?", text, re.IGNORECASE):
        return Reading(None, "not-a-number", text)
    scores, others = _out_of(text, highest)
    rest = _SCALE.sub(" ", _OUT_OF.sub(" ", text))
    for pattern in (_labelled(titles), _POINTS, _ANY):
        scores |= {float(match["score"]) for match in pattern.finditer(rest)}
        if scores or others:
            break
    if others:
        return Reading(None, "other-scale" if not scores else "ambiguous", _shown(text))
    if len(scores) > 1:
        return Reading(None, "ambiguous", ", ".join(f"{score:g}" for score in sorted(scores)))
    return Reading(scores.pop()) if scores else Reading(None, why_unread(text), _shown(text))


def _out_of(text: str, highest: int) -> tuple[set[float], set[float]]:
    """Scores written as 4/5 or 5점 만점에 4점; and those out of another highest."""
    scores: set[float] = set()
    others: set[float] = set()
    for match in _OUT_OF.finditer(text):
        score = float(match["score"] or match["score2"] or match["score3"])
        whole = int(match["of"] or match["of2"] or match["of3"])
        (scores if whole == highest else others).add(score)
    return scores, others


def _labelled(titles: Sequence[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in (*titles, *_LABELS))
    return re.compile(
        rf"(?:{names})[\"'*_`]*\s*(?:[:=]|는|은|이|가|is)\s*[\"'*_`]*\s*(?P<score>{NUMBER})", re.IGNORECASE
    )


def why_unread(text: str, otherwise: str = "no-number") -> str:
    """`refusal` or `language` where that is what is wrong with an answer."""
    if _REFUSAL.search(text) or "refusal" in refusal.findings(text):
        return "refusal"
    letters = [character for character in text if character.isalpha()]
    known = sum("가" <= letter <= "힣" or letter.isascii() for letter in letters)
    return "language" if letters and known < len(letters) / 2 else otherwise


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _shown(text: str) -> str:
    return " ".join(text.split())[:80]
