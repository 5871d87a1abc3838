"""Korean morphemes through kiwipiepy, where it is installed. The only place that knows it.

No `model_type`: since 0.22 naming one fails. The two large dictionaries are left out: they cost 400 MB.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from dajeong.errors import EnvironmentProblem


class Morpheme(NamedTuple):
    form: str
    tag: str
    start: int
    end: int


_CONTENT = ("N", "V", "MM", "MA", "XR", "SL", "SN")


def installed() -> bool:
    return importlib.util.find_spec("kiwipiepy") is not None


@cache
def _kiwi() -> Any:
    if not installed():
        raise EnvironmentProblem("extra-missing", needed_for="kiwipiepy", extra="korean")
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1, load_default_dict=False, load_multi_dict=False)


def morphemes(text: str) -> list[Morpheme]:
    return [_morpheme(token) for token in _kiwi().tokenize(text)]


def content_morphemes(texts: Sequence[str]) -> Iterator[list[str]]:
    """Of each text what carries meaning: nouns, verbs, modifiers, roots, foreign words, numbers."""
    for tokens in _kiwi().tokenize(list(texts)):
        yield [token.form for token in tokens if token.tag.startswith(_CONTENT)]


def _morpheme(token: Any) -> Morpheme:
    return Morpheme(token.form, token.tag, token.start, token.start + token.len)
