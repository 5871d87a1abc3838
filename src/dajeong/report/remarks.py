"""What result rows remark, in both languages: whole, by how it begins, or by its shape. Decides nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dajeong.report.markup import Html, tag
from dajeong.report.words import Words, named, spoken

NOTES: dict[str, Words] = {
    "no interval: resampled replies would repeat": Words(
        "구간 없음: 다시 뽑으면 같은 답변이 되풀이됨", "no interval: resampled replies would repeat"
    ),
    "no interval: resampled bins would repeat": Words(
        "구간 없음: 다시 뽑으면 같은 구간이 되풀이됨", "no interval: resampled bins would repeat"
    ),
    "the reply alone gives the label away: an accuracy near this one shows nothing": Words(
        "답변만 보아도 정답이 드러남: 이만한 정확도는 아무것도 보여 주지 못함",
        "the reply alone gives the label away: an accuracy near this one shows nothing",
    ),
    "below chance: look for exchanged labels or another kind of text than in training": Words(
        "우연보다 낮음: 뒤바뀐 라벨이나 학습 때와 다른 글을 의심할 것",
        "below chance: look for exchanged labels or another kind of text than in training",
    ),
    "prefers sermons on harmless prompts": Words(
        "무해한 말에 훈계를 선호함", "prefers sermons on harmless prompts"
    ),
    "prefers going along with harmful prompts": Words(
        "해로운 말에 맞장구를 선호함", "prefers going along with harmful prompts"
    ),
    "an empty reply may get the higher reward": Words(
        "빈 답변이 더 높은 보상을 받기도 함", "an empty reply may get the higher reward"
    ),
    "half a reply gets the higher reward": Words(
        "반토막 난 답변이 더 높은 보상을 받음", "half a reply gets the higher reward"
    ),
    "a sentence that says nothing raises the reward": Words(
        "뜻 없는 문장을 붙이면 보상이 오름", "a sentence that says nothing raises the reward"
    ),
    "saying it twice raises the reward": Words(
        "두 번 말하면 보상이 오름", "saying it twice raises the reward"
    ),
    "a second end token moves the reward": Words(
        "끝 토큰이 둘이면 보상이 달라짐", "a second end token moves the reward"
    ),
    "states too much:": Words("확률을 지나치게 크게 말함:", "states too much:"),
    "states too little:": Words("확률을 지나치게 작게 말함:", "states too little:"),
    "asked as": Words("물은 형식", "asked as"),
    "degenerate:": Words("거의 한 답만 고름:", "degenerate:"),
    "predicted": Words("고른 답", "predicted"),
    "answers": Words("정답", "answers"),
    "closer than": Words("로그 가능도 차이가 이보다 작음", "closer than"),
    "mean of": Words("평균", "mean of"),
    "examples drawn from": Words("예시를 뽑은 곳", "examples drawn from"),
    "not shown: the interval holds 0": Words(
        "보이지 않음: 구간이 0을 품음", "not shown: the interval holds 0"
    ),
    "not shown: no winner": Words("보이지 않음: 이긴 쪽이 없음", "not shown: no winner"),
    "not compared: no prompt in common": Words(
        "견주지 않음: 함께 있는 프롬프트가 없음", "not compared: no prompt in common"
    ),
    "not compared: scales differ": Words("견주지 않음: 척도가 다름", "not compared: scales differ"),
    "no interval: only averages are given": Words(
        "구간 없음: 평균만 주어짐", "no interval: only averages are given"
    ),
    "no prompt has two answers": Words("답이 둘인 프롬프트가 없음", "no prompt has two answers"),
    "one side gives one score to all": Words(
        "한쪽이 모두에게 같은 점수를 줌", "one side gives one score to all"
    ),
    "what the first place gains over the last, beyond people's scores": Words(
        "사람의 점수를 빼고도 맨 앞자리가 맨 뒷자리보다 더 얻는 점수",
        "what the first place gains over the last, beyond people's scores",
    ),
}
"""Remarks of the results, whole or by how they begin."""

SHAPES: dict[str, Words] = {
    r"McNemar p (?P<p>\S+)": Words("맥니마 검정 p {p}", "McNemar p {p}"),
    r"McNemar p (?P<p>\S+) of their wins": Words(
        "이긴 쌍의 맥니마 검정 p {p}", "McNemar p {p} of their wins"
    ),
    r"sign test p (?P<p>\S+), which is McNemar's of wins and losses": Words(
        "부호 검정 p {p}(승패의 맥니마 검정과 같음)", "sign test p {p}, which is McNemar's of wins and losses"
    ),
    r"wins (?P<wins>\d+), ties (?P<ties>\d+), losses (?P<losses>\d+)": Words(
        "승 {wins}, 무 {ties}, 패 {losses}", "wins {wins}, ties {ties}, losses {losses}"
    ),
    r"both orders agree in (?P<share>\d+%)": Words(
        "두 순서의 판정이 같은 비율 {share}", "both orders agree in {share}"
    ),
    r"(?P<share>\d+%) from the plain win rate: lengths decide much of it": Words(
        "길이를 맞추면 승률이 {share} 달라짐: 길이가 많은 것을 정함",
        "{share} from the plain win rate: lengths decide much of it",
    ),
    r"against (?P<other>.+)": Words("상대 {other}", "against {other}"),
    r"both against (?P<other>.+)": Words("둘 다 상대는 {other}", "both against {other}"),
    r"only (?P<n>\d+) prompts": Words("프롬프트가 {n}개뿐", "only {n} prompts"),
    r"only (?P<n>\d+) pairs": Words("쌍이 {n}개뿐", "only {n} pairs"),
    r"(?P<n>\d+) prompts in common of (?P<one>\d+) and (?P<other>\d+)": Words(
        "{one}개와 {other}개 가운데 함께 있는 프롬프트 {n}개", "{n} prompts in common of {one} and {other}"
    ),
    r"only the (?P<n>\d+) prompts in common of (?P<one>\d+) and (?P<other>\d+)": Words(
        "{one}개와 {other}개 가운데 함께 있는 프롬프트 {n}개만",
        "only the {n} prompts in common of {one} and {other}",
    ),
    r"(?P<share>\d+%) at the ceiling": Words("만점 {share}", "{share} at the ceiling"),
    r"valid mass (?P<mean>\S+), at least (?P<least>\S+)": Words(
        "점수로 읽힌 확률 {mean}, 최소 {least}", "valid mass {mean}, at least {least}"
    ),
    r"% of (?P<model>.+)": Words("{model}을(를) 100으로 볼 때", "% of {model}"),
    r"(?P<n>\d+) rows could not be read": Words("읽지 못한 행 {n}개", "{n} rows could not be read"),
    r"(?P<n>\d+) ties count half": Words("비긴 {n}쌍은 반으로 셈", "{n} ties count half"),
    r"(?P<n>\d+) of (?P<all>\d+) prompts are in the training data": Words(
        "프롬프트 {all}개 가운데 {n}개가 학습 데이터에 있음",
        "{n} of {all} prompts are in the training data",
    ),
    r"(?P<n>\d+) of (?P<all>\d+) prompts are in the training data: nothing is shown": Words(
        "프롬프트 {all}개 가운데 {n}개가 학습 데이터에 있음: 보여 주는 것이 없음",
        "{n} of {all} prompts are in the training data: nothing is shown",
    ),
    r"judge and author are both (?P<family>.+): judges prefer their kin": Words(
        "채점 모델과 작성자가 모두 {family}: 채점 모델은 같은 계열을 더 좋게 봄",
        "judge and author are both {family}: judges prefer their kin",
    ),
    r"(?P<metric>\S+) and characters": Words("{metric}과(와) 글자 수", "{metric} and characters"),
    r"not compared: decodings differ, (?P<decodings>.+)": Words(
        "견주지 않음: 생성 방식이 다름({decodings})", "not compared: decodings differ, {decodings}"
    ),
    r"mean over (?P<n>\d+) prompts": Words("프롬프트 {n}개의 평균", "mean over {n} prompts"),
    r"(?P<n>\d+) with one answer, or one score for all, are left out": Words(
        "답이 하나이거나 점수가 모두 같은 {n}개는 뺌",
        "{n} with one answer, or one score for all, are left out",
    ),
    r"the judge ties (?P<n>\d+) of (?P<all>\d+) pairs": Words(
        "채점 모델은 {all}쌍 가운데 {n}쌍에 같은 점수를 줌", "the judge ties {n} of {all} pairs"
    ),
    r"(?P<n>\d+) raters, each against the mean of the others": Words(
        "평가자 {n}명, 저마다 나머지의 평균과", "{n} raters, each against the mean of the others"
    ),
}
"""Remarks with numbers or names in them, as patterns → words."""


def noted(notes: Sequence[str]) -> Html:
    """Remarks in both languages, as far as there are words for them."""
    return Html("; ".join(_noted(note) for note in notes))


def _noted(note: str) -> Html:
    if note in NOTES:
        return named(NOTES, note)
    for shape, words in SHAPES.items():
        if found := re.fullmatch(shape, note):
            return spoken(words, found.groupdict())
    begins = next((known for known in NOTES if note.startswith(f"{known} ")), None)
    if begins is None:
        return named(NOTES, note)
    return Html(f"{named(NOTES, begins)} {tag('bdi', note.removeprefix(begins).strip())}")
