"""Names of persons: a proper noun that begins with a surname, beside a word that goes with persons.

A proper noun alone would also take 서울, 강남역 and 오바마. Of two syllables it needs a word that goes with
names alone: 서울 학생 is nobody. Many names stay unfound.
"""

from __future__ import annotations

from dajeong.data.filters.morphemes import Morpheme, morphemes
from dajeong.data.filters.personal import Find

_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_CUES = frozenset({
    "씨", "님", "군", "양", "이름", "성함", "선생", "선생님", "교수", "교수님", "대리", "과장", "부장",
    "사장", "대표", "팀장", "박사", "의원", "기자", "회장", "환자", "학생", "고객",
})  # fmt: skip
_SURE = frozenset({"씨", "이름", "성함"})
_PLACE = ("시", "도", "군", "읍", "면", "역", "산", "강")
_NEAR = 2
"""Tokens on either side; before, a quotation mark or a particle is one more."""


def names_in(text: str) -> list[Find]:
    tokens = morphemes(text)
    return [
        Find(token.start, token.end, "name", token.form)
        for index, token in enumerate(tokens)
        if token.tag == "NNP" and 2 <= len(token.form) <= 4 and _is_name(tokens, index)
    ]


def _is_name(tokens: list[Morpheme], index: int) -> bool:
    form, behind = tokens[index].form, tokens[index + 1 : index + 1 + _NEAR]
    if behind and behind[0].form == "씨":
        return True
    if form[0] not in _SURNAMES or form.endswith(_PLACE):
        return False
    near = {token.form for token in tokens[max(0, index - _NEAR - 1) : index] + behind}
    next_is_title = bool(behind) and behind[0].form == "님"
    return next_is_title or bool(near & (_CUES if len(form) > 2 else _SURE))
