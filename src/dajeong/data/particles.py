"""Korean particles that follow a word's last sound. Knows one rule and no vocabulary."""

from __future__ import annotations

import re
from typing import NamedTuple


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


class _Particle(NamedTuple):
    closed: str
    """What stands behind a closed syllable."""
    open: str
    further: str
    """What may follow it, as a pattern; else it only looks like one: 이상 is no particle 이."""


_ANYTHING = ".*"
_PARTICLES = (
    _Particle("이에요", "예요", _ANYTHING),
    _Particle("이었", "였", _ANYTHING),
    _Particle("이라", "라", "(?:고|는|서|도|면|니|며|던|든|야).*|"),
    _Particle("이란", "란", "(?:다|걸|말).*|"),
    _Particle("이랑", "랑", _ANYTHING),
    _Particle("이야", "야", "말로.*|"),
    _Particle("이나", "나", "마.*|"),
    _Particle("이든", "든", "(?:지|가).*|"),
    _Particle("이며", "며", ""),
    _Particle("이죠", "죠", ""),
    _Particle("이요", "요", ""),
    _Particle("이고", "고", "요|"),
    _Particle("이지", "지", "만.*|요|"),
    _Particle("으로", "로", "(?:는|도|만|서|써|부터|까지|요).*|"),
    _Particle("은", "는", "커녕.*|요|"),
    _Particle("을", "를", "요|"),
    _Particle("과", "와", "(?:는|도|만|의|요).*|"),
    _Particle("아", "야", ""),
    _Particle("이", "가", "요|"),
)
"""The first that fits counts."""

_SUFFIXED = re.compile(r"이(?=(?:[가는도를만한의네]|랑|야|하고|에게|처럼|보다|같|까지|부터|씨).*|\Z)")
"""What hangs on a given name with its suffix 이: 민준이가, 민준이네."""


def followed_by(word: str, tail: str, is_name: bool = False) -> str:
    """The word and the Hangul run written behind what it replaces, whose particle is made to fit.

    A given name that ends in a consonant may carry the suffix 이 (민준이가); one that does not never does.
    """
    closed = ends_in_consonant(word)
    if is_name and tail == "야":
        return word + ("아" if closed else "야")  # a name is called more often than it is predicated
    if is_name and len(tail) > 1 and _SUFFIXED.match(tail) and not tail.startswith(("이랑", "이야")):
        return word + (tail if closed else _fitting(word, tail[1:]))
    return word + _fitting(word, tail)


def _fitting(word: str, tail: str) -> str:
    final = _final(word)
    for particle in _PARTICLES:
        for form in (particle.closed, particle.open):
            if tail.startswith(form) and re.fullmatch(particle.further, tail[len(form) :]):
                like_open = final == 0 or (particle.open == "로" and final == 8)  # ㄹ: 서울로
                return (particle.open if like_open else particle.closed) + tail[len(form) :]
    return tail
