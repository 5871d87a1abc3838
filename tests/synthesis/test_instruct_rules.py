"""Rules for machine-made instructions and instances, and lists out of spoilt replies: example by example."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.remote.settings import ServiceSettings
from dajeong.synthesis import evol_rules, instance_rules, instruction_rules
from dajeong.synthesis.evol_rules import Rewriting
from dajeong.synthesis.instance_rules import Instance, Setting, contradicting
from dajeong.synthesis.instruct_settings import EvolSettings, SelfInstructSettings
from dajeong.synthesis.json_replies import items_in

SELF = SelfInstructSettings(service=ServiceSettings(model="none"))
EVOL = EvolSettings(service=ServiceSettings(model="none"))

BAD = [
    ("broken", "여행 계\ufffd을 세워 주세요."),
    ("broken", "여행 계획을\x00 세워 주세요."),
    ("length", "뭐 해?"),
    ("length", "가" * 401),
    ("frame", "과제 3: 여행 계획을 세워 주세요."),
    ("frame", "3. 여행 계획을 세워 주세요."),
    ("frame", '### 지시: {"tasks": 여행 계획}'),
    ("first-character", "- 여행 계획을 세워 주세요."),
    ("first-character", "?여행 계획을 세워 주세요."),
    ("hangul", "Write a poem about 봄바람, please."),
    ("hangul", "12345 67890 !!"),
    ("model-speaks", "죄송하지만 새 과제를 지을 수 없어요."),
    ("model-speaks", "인공지능 언어 모델로서 저는 과제를 짓습니다."),
    ("unfilled", "[이름]님께 감사 편지를 써 주세요."),
    ("unfilled", "OO님께 감사 편지를 써 주세요."),
    ("keyword", "이 사진에서 무엇이 보이는지 말해 줘."),
    ("keyword", "그래프로 매출을 보여 주세요."),
    ("keyword", "지도에서 우리 집을 찾아 줘."),
    ("keyword", "고양이를 그려줄래?"),
    ("keyword", "파일을 열어 내용을 고쳐 줘."),
    ("keyword", "다음 video를 보고 내용을 요약해 주세요."),
]
GOOD = [
    "지도 교수님께 보낼 메일을 다듬어 주세요.",
    "배를 좋아하는 아이에게 배가 왜 뜨는지 말해 줘.",
    "우리 동네 도서관이 문을 닫는대. 너무 아쉽다.",
    "'괜찮다'라는 말을 대신할 표현을 알려 주세요.",
    "어디로 가야 할지도 모르겠고 인상 깊은지도 잘 모르겠어.",
    "너는 AI라서 배고픈 줄도 모르겠다.",
    "《구운몽》은 어떤 이야기인가요?",
    "파일럿이 되려면 무엇을 준비해야 하나요?",
    "그림자는 왜 생기는지 알려 줘.",
    "MBTI가 INFP인데 잘 맞는 직업이 뭐야?",
    "10만 원으로 하루를 알차게 보내는 방법을 알려 줘.",
]


@pytest.mark.parametrize(("code", "text"), BAD)
def test_what_is_wrong_with_an_instruction_has_a_name(code: str, text: str) -> None:
    fault = instruction_rules.fault(text, SELF)
    assert fault is not None and fault[0] == code


@pytest.mark.parametrize("text", GOOD)
def test_good_korean_instructions_pass(text: str) -> None:
    assert instruction_rules.fault(text, SELF) is None


INSTANCES = [
    ("answer-empty", "talk", "", "…"),
    ("answer-broken", "request", "", "산책을 하시면 \x07좋아요."),
    ("answer-shape", "request", "…", "산책을 하시면 좋아요."),
    ("answer-echo", "request", "같은 글", "같은 글"),
    ("answer-echo", "request", "과제", "다른 답이에요"),
    ("answer-open-end", "request", "", "준비물은 다음과 같아요:"),
    ("answer-refusal", "request", "", "그 부탁은 도와드릴 수 없습니다."),
    ("answer-refusal", "talk", "", "AI 언어 모델로서 저는 기분이 없어요."),
    ("answer-refusal", "advice", "", "서로 존중하며 고운 말로 이야기해 주세요."),
    ("answer-language", "question", "", "The answer is that light scatters in the air."),
    ("answer-register", "talk", "", "그랬구나, 정말 좋았겠다. 나도 가고 싶어."),
]


@pytest.mark.parametrize(("code", "kind", "given_", "answer"), INSTANCES)
def test_what_is_wrong_with_an_answer_has_a_name(code: str, kind: str, given_: str, answer: str) -> None:
    fault = instance_rules.fault(Instance(given_, answer), Setting(kind, "과제"))
    assert fault is not None and fault[0] == code


@pytest.mark.parametrize(
    ("kind", "instruction", "given_", "answer"),
    [
        ("abusive", "바보야", "", "속상하셨나 봐요. 서로 존중하며 이야기하면 좋겠어요."),
        ("request", "영어로 번역해 주세요.", "안녕하세요", "Hello, it is very nice to meet you today."),
        ("request", "띄어쓰기를 고쳐 주세요.", "할수있는만큼", "할 수 있는 만큼"),
        ("request", "친구에게 보낼 문자를 써 줘.", "", "어제 늦어서 정말 미안해. 밥은 내가 살게!"),
    ],
)
def test_good_answers_pass(kind: str, instruction: str, given_: str, answer: str) -> None:
    assert instance_rules.fault(Instance(given_, answer), Setting(kind, instruction)) is None


def test_one_input_with_two_answers_loses_both_and_a_repetition_its_second() -> None:
    pairs = [("가", "긍정"), ("나", "부정"), ("가", "부정"), ("나", "부정"), ("", "하나"), ("", "둘")]
    assert contradicting([Instance(*pair) for pair in pairs]) == {0, 2, 3}


PARENTS = ["여행 준비를 도와주세요.", "새로운 프롬프트를 GPT에 넣는 법을 알려 주세요."]


@pytest.mark.parametrize("parent", PARENTS)
def test_words_that_were_there_before_are_no_leak(parent: str) -> None:
    text = f"{parent} 예산은 십만 원이고 부모님을 모시고 가요. 순서대로 적어 주세요."
    leak = evol_rules.fault(Rewriting(parent, text, "constraints"), EVOL)
    assert leak is None
    told = evol_rules.fault(Rewriting("여행", f"{text} 새로운 프롬프트", "constraints"), EVOL)
    assert told is not None and told[0] in ("copied-words",)


@pytest.mark.parametrize("operation", ["deepen", "breadth"])
def test_only_what_is_deepened_must_grow(operation: Any) -> None:
    made = Rewriting("여행 준비를 어떻게 하면 좋을까요?", "이사 준비 어떻게 하나요?", operation)
    fault = evol_rules.fault(made, EVOL)
    assert (fault is None) == (operation == "breadth")


ITEMS = st.lists(
    st.text(max_size=20) | st.dictionaries(st.sampled_from(["instruction", "input"]), st.text(max_size=9)),
    max_size=6,
)
FRAMES = ("{}", "```json\n{}\n```", "네, 지어 보았습니다.\n{}")


@settings(deadline=None, max_examples=60)
@given(ITEMS, st.sampled_from(FRAMES), st.booleans())
def test_a_list_is_read_whatever_stands_around_it(items: list[Any], frame: str, is_named: bool) -> None:
    text = json.dumps({"tasks": items} if is_named else items, ensure_ascii=False)
    found = items_in(frame.format(text) if "```" not in text else text, "tasks")
    assert found is not None and found.items == items and found.is_whole


@settings(deadline=None, max_examples=60)
@given(ITEMS, st.floats(0, 1))
def test_of_a_cut_list_what_is_whole_is_read_and_never_more(items: list[Any], share: float) -> None:
    text = json.dumps({"tasks": items}, ensure_ascii=False)
    found = items_in(text[: int(share * len(text))], "tasks")
    if found is not None:
        assert found.items == items[: len(found.items)]
        assert found.is_whole <= (len(found.items) == len(items))


NO_LISTS = ["", "과제를 못 짓겠어요", "{" * 5_000, '{"tasks": ' + "[" * 9_000, '{"tasks": 3}', "NaN"]


@pytest.mark.parametrize("reply", NO_LISTS)
def test_what_holds_no_list_gives_nothing(reply: str) -> None:
    found = items_in(reply, "tasks")
    assert found is None or not found.items
