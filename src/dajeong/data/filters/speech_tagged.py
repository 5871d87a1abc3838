"""A second opinion on the register: kiwipiepy's tags of sentence endings.

Slow, and right a little less often than `speech`.
"""

from __future__ import annotations

from dajeong.data.filters.morphemes import Morpheme, morphemes
from dajeong.data.filters.speech import Register

_HAPSHO = ("습니다", "ᆸ니다", "습니까", "ᆸ니까", "십시오", "시오", "ᆸ시다", "읍시다")


def tagged_register_of(text: str) -> Register:
    tokens = morphemes(text)
    found = {_of_ending(tokens, index) for index, token in enumerate(tokens) if token.tag == "EF"}
    if not found:
        return "none"
    return found.pop() if len(found) == 1 else "mixed"


def _of_ending(tokens: list[Morpheme], index: int) -> Register:
    form = tokens[index].form
    following = tokens[index + 1 : index + 2]
    if form.endswith(("요", "죠")) or any(each.form == "요" for each in following):
        return "haeyo"
    if form.endswith(_HAPSHO):
        return "hapsho"
    return "plain" if form.endswith("다") else "banmal"
