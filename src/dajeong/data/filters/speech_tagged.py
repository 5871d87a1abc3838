"""A second opinion on the register: kiwipiepy's tags of sentence endings.

Slow, and right a little less often than `speech`.
"""

from __future__ import annotations

from dajeong.data.filters.morphemes import Morpheme, morphemes
from dajeong.data.filters.speech import Register

_HAPSHO = ("습니다", "ᆸ니다", "습니까", "ᆸ니까", "십시오", "시오", "ᆸ시다", "읍시다")


def tagged_register_of(text: str) -> Register:
    tokens = morphemes(text)
    found = {_of_ending(tokens, index) for index in range(len(tokens)) if _ends(tokens, index)} - {"none"}
    if not found:
        return "none"
    return found.pop() if len(found) == 1 else "mixed"


def _ends(tokens: list[Morpheme], index: int) -> bool:
    """Whether a sentence ends here: an ending, or a connecting one that only 요 may follow (그런데요)."""
    if tokens[index].tag != "EC":
        return tokens[index].tag == "EF"
    behind = index + 1 + _has_yo(tokens, index)
    return behind == len(tokens) or tokens[behind].tag == "SF"


def _has_yo(tokens: list[Morpheme], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].form == "요"


def _of_ending(tokens: list[Morpheme], index: int) -> Register:
    form = tokens[index].form
    if form.endswith(("요", "죠")) or _has_yo(tokens, index):
        return "haeyo"
    if form.endswith(_HAPSHO) or (form == "오" and tokens[index - 1].form == "시"):
        return "hapsho"
    if form in ("음", "ᆷ", "기"):  # 알겠음: a noun
        return "none"
    return "plain" if form.endswith("다") else "banmal"
