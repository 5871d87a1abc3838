"""A tiny rule-driven author for the scripted server: new sentences, repetitions, paraphrases, drift.

Every reply is a pure function of the messages, so that a resumed step is told what the first one was told.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from scripted_server import Messages, Written

_WHO = (
    "저 우리가족 동생 옆집할머니 신입사원 초등학생조카 룸메이트 단골손님 동호회회장 이모 "
    "군대간친구 예비신부 야간경비원 화가지망생 퇴직한아버지"
)
_WHERE = (
    "주말농장 한강공원 구립도서관 새벽시장 고속버스터미널 반지하자취방 산골펜션 대학강의실 "
    "동네미용실 캠핑장 수영장 빵집주방 시골외갓집 우체국창구 체육관 공유사무실 유치원마당 "
    "낚시터 골목책방 병원대기실 옥상텃밭 기숙사 포장마차 스키장"
)
_WHAT = (
    "도자기찻잔 두발자전거 감귤상자 졸업앨범 전기밥솥 목도리뜨개질 제비둥지 화상회의 바둑대회 "
    "장아찌항아리 손전등 퇴근길라디오 고추모종 이불빨래 통기타 단체여행 독후감숙제 중고피아노 "
    "송별회 모닥불 배추절임 유리어항 첫월급 벽시계 영수증정리 비빔국수 공동육아 꽃무늬벽지 "
    "밤샘공부 나무의자 축구유니폼 헌책더미 가을운동회 김밥재료 청첩장문구 해돋이구경 물총싸움"
)
_DO = (
    "맡기려다가 고치는중인데 자랑하고싶은데 나눠주려고 잃어버려서 빌리기로했는데 처음해보는데 "
    "미루다보니 바꾸고나서 꾸미다가 버리자니아까워서 팔아볼까하는데 선물받았는데 망가뜨려서"
)
_ASK = (
    "순서를알려주세요 기분이묘하네요 뭐부터챙길까 비용은얼마나들까요 웃긴이야기로풀어줘 "
    "조심할점이있을까요 너라면어떻게할래 짧은안내글로써주세요 서운한마음이드네 "
    "하루만에끝낼수있을까요 칭찬한마디해줘 누구에게물어봐야하나요 제목을지어주십시오"
)

WHO, WHERE, WHAT, DO, ASK = (words.split() for words in (_WHO, _WHERE, _WHAT, _DO, _ASK))

STUCK = "주말에 집에서 혼자 즐길 수 있는 취미를 추천해 주세요."
"""What it says again and again."""
DRIFT = (
    "Write a short poem about the sea.",
    "강아지 사진을 보고 품종을 맞혀 주세요.",
    "네",
    "- 오늘 저녁 메뉴를 정해 주세요",
    "AI 언어 모델로서 저는 과제를 짓기 어렵습니다.",
    "매우 " * 150 + "긴 글을 읽고 답해 주세요.",
    "아래 그래프를 설명해 줘.",
    "[이름]에게 보낼 축하 편지를 써 주세요.",
)
LABELS = ("긍정", "부정", "중립")


@dataclass
class Author:
    """`new`, `repeat`, `paraphrase`, `drift`: shares of its proposals."""

    repeat: float = 0.15
    paraphrase: float = 0.2
    drift: float = 0.15
    spoil: Callable[[str, random.Random], str | Written | None] = lambda prompt, draw: None
    """May answer in its place."""
    asked: list[str] = field(default_factory=list)

    def __call__(self, messages: Messages) -> str | Written:
        prompt = messages[-1]["content"]
        self.asked.append(prompt)
        draw = random.Random(hashlib.sha256(prompt.encode("utf-8")).digest())
        spoilt = self.spoil(prompt, draw)
        return self.reply(prompt, draw) if spoilt is None else spoilt

    def reply(self, prompt: str, draw: random.Random) -> str:
        if '"tasks"' in prompt:
            return _json({"tasks": [self.task(prompt, draw) for _ in range(10)]}, draw)
        if "분류 과제인지 판단" in prompt:
            return _json(_labels(prompt.rpartition("과제: ")[2]), draw)
        if '"instances"' in prompt:
            return _json({"instances": _instances(prompt, draw)}, draw)
        if '"equal"' in prompt:
            return _json({"equal": draw.random() < 0.2}, draw)
        if '"instruction"' in prompt:
            return _json({"instruction": _evolved(prompt, draw)}, draw)
        return (
            f"네, 차근차근 말씀드릴게요. {sentence(draw)}에 대해서는 {draw.choice(WHERE)}에 먼저 들러 보세요."
        )

    def task(self, prompt: str, draw: random.Random) -> str:
        kind = draw.random()
        shown = re.findall(r"^\d+\. (.+)$", prompt, re.MULTILINE)
        if kind < self.repeat:
            return STUCK
        if kind < self.repeat + self.paraphrase and shown:
            return paraphrased(draw.choice(shown), draw)
        if kind < self.repeat + self.paraphrase + self.drift:
            return draw.choice(DRIFT)
        label = ", ".join(LABELS) + " 가운데 하나로 나눠 주세요: "
        return (label if "분류 과제" in prompt and draw.random() < 0.9 else "") + sentence(draw)


def sentence(draw: random.Random) -> str:
    """One of many thousand sentences, few of them alike."""
    who, where, what, do, ask = (draw.choice(words) for words in (WHO, WHERE, WHAT, DO, ASK))
    return f"{who}가 {where}에서 {what} {do} {ask}"


def paraphrased(text: str, draw: random.Random) -> str:
    """The same request in another register, or with a word of politeness."""
    endings = (
        ("주세요", "줘"),
        ("줘", "주세요"),
        ("할까요", "할까"),
        ("싶어요", "싶어"),
        ("까요?", "까?"),
        ("어요.", "어."),
    )
    for old, new in endings:
        if old in text and draw.random() < 0.7:
            return text.replace(old, new)
    return draw.choice(("혹시 ", "음, ", "그런데 ")) + text


def _labels(task: str) -> dict[str, object]:
    labelled = "가운데 하나로" in task or "분류" in task
    return {"classification": labelled, "labels": list(LABELS) if labelled else []}


def _instances(prompt: str, draw: random.Random) -> list[dict[str, str]]:
    if "이름표:" in prompt:
        labels = re.search(r"^이름표: (.+)$", prompt, re.MULTILINE)
        assert labels is not None
        return [{"output": label, "input": sentence(draw)} for label in labels[1].split(", ")]
    where, what = draw.choice(WHERE), draw.choice(WHAT)
    return [
        {
            "input": "",
            "output": f"그러셨군요. {where}에서는 {what} 이야기가 도움이 될 거예요. 천천히 해 보세요.",
        }
    ]


def _evolved(prompt: str, draw: random.Random) -> str:
    found = re.search(r"<글>\n(.*)\n</글>", prompt, re.DOTALL)
    assert found is not None
    before, chance = found[1], draw.random()
    if chance < 0.1:
        return before
    if chance < 0.2:
        return f"{before} 주어진 지시문을 더 어렵게 고친 새로운 프롬프트입니다."
    if "전혀 새로운 말" in prompt:
        return sentence(draw)
    where, what, do = draw.choice(WHERE), draw.choice(WHAT), draw.choice(DO)
    return f"{before} 다만 {where}에서 {what} {do} 지금 형편도 함께 헤아려 주세요."


def _json(value: object, draw: random.Random) -> str:
    """Bare or in a fence, as models write it."""
    text = json.dumps(value, ensure_ascii=False)
    return f"```json\n{text}\n```" if draw.random() < 0.3 else text
