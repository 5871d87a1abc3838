"""Names of persons: a proper noun that begins with a surname, beside a word that goes with persons.

A proper noun alone would also take 서울, 강남역 and 오바마.
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
_NEAR = 2


def names_in(text: str) -> list[Find]:
    tokens = morphemes(text)
    return [
        Find(token.start, token.end, "name", token.form)
        for index, token in enumerate(tokens)
        if _may_be_name(token) and _has_cue(tokens, index)
    ]


def _may_be_name(token: Morpheme) -> bool:
    return token.tag == "NNP" and 2 <= len(token.form) <= 4 and token.form[0] in _SURNAMES


def _has_cue(tokens: list[Morpheme], index: int) -> bool:
    near = tokens[max(0, index - _NEAR - 1) : index] + tokens[index + 1 : index + 1 + _NEAR]
    return any(token.form in _CUES for token in near)
