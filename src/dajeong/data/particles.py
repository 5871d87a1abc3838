"""Korean particles that follow a word's last sound. Knows one rule and no vocabulary."""

from __future__ import annotations

import re


def ends_in_consonant(word: str) -> bool:
    """Whether the last Hangul syllable is closed; false for anything that is not Hangul."""
    return _final(word) != 0


def _final(word: str) -> int:
    """The number of the last syllable's final consonant; 0 for none, 8 for ㄹ."""
    offset = ord(word[-1]) - ord("가")
    return offset % 28 if 0 <= offset < 11172 else 0


class Word(str):
    """A word that takes its particle when formatted: `f"{Word('부산'):은/는}"` is 부산은.

    The two forms are written closed syllable first: 은/는, 이/가, 과/와, 이에요/예요.
    """

    def __format__(self, forms: str) -> str:
        if "/" not in forms:
            return format(str(self), forms)
        closed, open_form = forms.split("/")
        return str(self) + (closed if ends_in_consonant(self) else open_form)


_FORMS = (
    ("이에요", "예요"),
    ("이었", "였"),
    ("이라", "라"),
    ("이랑", "랑"),
    ("이야", "야"),
    ("이나", "나"),
    ("이든", "든"),
    ("이며", "며"),
    ("으로", "로"),
    ("은", "는"),
    ("을", "를"),
    ("과", "와"),
    ("아", "야"),
    ("이", "가"),
)
"""After a closed syllable, after an open one; longer forms first."""

_SINGLE = frozenset("은는이가을를과와아야")
_NAME_SUFFIX = re.compile(r"이(?=[가는도를만랑한네의야]|$)")


def followed_by(word: str, tail: str, is_name: bool = False) -> str:
    """The word and the Hangul run written behind what it replaces, whose particle is made to fit.

    A given name that ends in a consonant may carry the suffix 이 (민준이가); one that does not never does.
    """
    closed = ends_in_consonant(word)
    if is_name and len(tail) > 1 and _NAME_SUFFIX.match(tail) and not tail.startswith(("이랑", "이야")):
        return word + (tail if closed else _fitting(word, tail[1:], closed))
    return word + _fitting(word, tail, closed)


def _fitting(word: str, tail: str, closed: bool) -> str:
    for forms in _FORMS:
        found = next((form for form in forms if _begins_with(tail, form)), None)
        if found is not None:
            with_vowel = not closed or (found in ("으로", "로") and _final(word) == 8)
            return forms[with_vowel] + tail[len(found) :]
    return tail


def _begins_with(tail: str, particle: str) -> bool:
    """A particle of one syllable is one only where nothing follows: 이상 is no particle 이."""
    if particle in _SINGLE:
        return tail == particle
    return tail.startswith(particle) and particle not in ("나", "든", "며", "라") or tail == particle
