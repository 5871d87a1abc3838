"""Readers: every variant of a schema becomes the record it means, and what each corpus hides is taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from dajeong.data.rows import Bad, Left
from dajeong.data.sniff import likely_source
from dajeong.data.sources import SOURCES
from dajeong.records import Dialogue, Preference, Record
from source_rows import ANSWER, INSULT, QUESTION, SCORED, TALKSET, TURNS, WORSE, sentence


def parts(name: str, row: dict[str, Any], **options: Any) -> Sequence[Record | Left]:
    return SOURCES[name].with_options(options).records(name, row)


def one(name: str, row: dict[str, Any], **options: Any) -> Dialogue:
    (record,) = parts(name, row, **options)
    assert isinstance(record, Dialogue), record
    return record


def ranked(name: str, row: dict[str, Any], **options: Any) -> Preference:
    (record,) = parts(name, row, **options)
    assert isinstance(record, Preference), record
    return record


def said(record: Dialogue) -> list[str]:
    return [message.content for message in record.messages]


def left(name: str, row: dict[str, Any], **options: Any) -> str:
    (part,) = parts(name, row, **options)
    assert isinstance(part, Left), part
    return part.rule


# --- instructions


@pytest.mark.parametrize("end", ["", "<|endoftext|>"])
def test_koalpaca_in_one_text(end: str) -> None:
    record = one("koalpaca", {"text": f"### 질문: {QUESTION}\n\n### 답변: {ANSWER}{end}"})
    assert said(record) == [QUESTION, ANSWER + end], "the frame cuts the end marker and counts it"
    told = one("koalpaca", {"text": f"### 질문: {QUESTION}\n\n### 맥락: 둘이서\n\n### 답변: {ANSWER}"})
    assert told.messages[0].context == "둘이서"


def test_koalpaca_headings_inside_the_answer_are_words() -> None:
    record = one("koalpaca", {"text": "### 질문: 가?\n\n### 답변: 나.\n\n### 답변: 다."})
    assert said(record) == ["가?", "나.\n\n### 답변: 다."]
    with pytest.raises(Bad, match="row-form"):
        parts("koalpaca", {"text": "### 답변: 나."})


def test_koalpaca_tables_of_both_versions() -> None:
    first = one("koalpaca", {"instruction": QUESTION, "input": "둘이서", "output": ANSWER})
    second = one("koalpaca", {"instruction": QUESTION, "output": ANSWER, "url": "https://example.org"})
    assert first.messages[0].context == "둘이서" and second.messages[0].context is None


@pytest.mark.parametrize(
    ("context", "clean"),
    [
        ("서울은 수도이다.[3] 크다.[12][13]", "서울은 수도이다. 크다."),
        ("목록 [3]은 그대로", "목록은 그대로"),
        ("[1] 첫째", "[1] 첫째"),
        ("x[10000]", "x[10000]"),
    ],
)
def test_dolly_loses_its_citations(context: str, clean: str) -> None:
    row = {"instruction": QUESTION, "context": context, "response": "[3]은 답", "category": "closed_qa"}
    record = one("dolly", row)
    assert record.messages[0].context == clean and said(record)[1] == "[3]은 답"
    assert record.meta == {"category": "closed_qa"}


@pytest.mark.parametrize("key", ["value", "description"])
def test_gpt4all_fields_may_be_objects(key: str) -> None:
    record = one("gpt4all", {"prompt": {key: QUESTION}, "response": {key: f"{ANSWER} </s> \n"}})
    assert said(record) == [QUESTION, ANSWER] and record.meta == {"origin": ""}


def test_gpt4all_questions_of_a_forum_lose_their_markup_and_keep_their_code() -> None:
    html = "<p>왜 <code>a &lt; b</code>?</p>\n\n<pre><code>if a &lt; b:\n    print(1)\n</code></pre>\n"
    assert said(one("gpt4all", {"prompt": html, "response": ANSWER}))[0] == (
        "왜 `a < b`?\n\n```\nif a < b:\n    print(1)\n```"
    )
    assert said(one("gpt4all", {"prompt": "a<b 이면 b>a ?", "response": ANSWER}))[0] == "a<b 이면 b>a ?"


def test_evol_has_its_prompt_in_input() -> None:
    assert said(one("evol", {"input": QUESTION, "output": ANSWER})) == [QUESTION, ANSWER]
    flat = {"instruction": QUESTION, "input": None, "output": ANSWER, "motivation_app": None}
    assert one("evol", flat).messages == one("evol", {"input": QUESTION, "output": ANSWER}).messages


def test_self_instruct_seeds_keep_all_instances() -> None:
    instances = [{"input": "1", "output": "하나"}, {"input": "2", "output": "둘"}]
    row = {"id": "s", "name": "n", "instruction": "읽어라", "instances": instances, "is_classification": True}
    records = parts("self-instruct", row)
    assert [dict(record)["id"] for record in records] == ["self-instruct:s.0", "self-instruct:s.1"]
    assert {dict(record)["meta"]["classification"] for record in records} == {True}


# --- ShareGPT


def shared(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"id": "x", "conversations": [{"from": who, "value": text} for who, text in turns]}


def test_sharegpt_is_cut_to_whole_exchanges() -> None:
    record = one("sharegpt", shared(("gpt", "네"), ("human", "가?"), ("chatgpt", "나."), ("user", "다?")))
    assert said(record) == ["가?", "나."] and record.meta == {"turns_cut": 2}
    told = one("sharegpt", shared(("system", "짧게"), ("human", "가?"), ("bing", "나.")))
    assert [message.role for message in told.messages] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("turns", "rule"),
    [
        ((("human", "가?"), ("human", "나?"), ("gpt", "다.")), "not-alternating"),
        ((("human", "가?"),), "no-exchange"),
        ((("gpt", "가."),), "no-exchange"),
        ((("gpt", "가."), ("human", "나?")), "no-exchange"),
        ((("human", "가?"), ("gpt", "<p>Too many requests, slow down</p>")), "service-failure"),
        ((("human", "가?"), ("gpt", "저는 OpenAI가 만들었어요.")), "blocked-word"),
    ],
)
def test_sharegpt_leaves_out_by_name(turns: tuple[tuple[str, str], ...], rule: str) -> None:
    assert left("sharegpt", shared(*turns)) == rule


def test_sharegpt_blocked_words_can_be_set() -> None:
    row = shared(("human", "가?"), ("gpt", "저는 OpenAI가 만들었어요."))
    assert said(one("sharegpt", row, blocked=()))[1] == "저는 OpenAI가 만들었어요."


def test_sharegpt_pages_become_markdown() -> None:
    box = (
        '<div class="markdown prose"><p>해 보세요:</p><pre><div class="bg-black"><div class="flex">'
        '<span>python</span><button class="flex">Copy code</button></div><div class="p-4">'
        '<code class="!whitespace-pre hljs language-python"><span class="hljs-keyword">for</span> i '
        "<span>in</span> x:\n    print(i)\n</code></div>"
        "</div></pre><ol><li>하나</li><li>둘<ul><li>안</li></ul></li></ol></div>"
    )
    text = said(one("sharegpt", shared(("human", "가?"), ("gpt", f"1 / 2\n\n{box}"))))[1]
    assert text == "해 보세요:\n\n```python\nfor i in x:\n    print(i)\n```\n\n1. 하나\n2. 둘\n  - 안"
    plain = "네:\n```pythonCopy code\nx = 1\n```\n끝"
    assert (
        said(one("sharegpt", shared(("human", "가?"), ("gpt", plain))))[1] == "네:\n```python\nx = 1\n```\n끝"
    )


# --- pairs


def test_marks_of_speakers_count_at_the_beginning_of_a_line() -> None:
    row = {
        "prompt": "\n\nHuman: 'Assistant:' 는 무슨 뜻?\n\nAssistant: 조수: Human: 의 반대\n\n"
        "Human: 그래? \n\nAssistant:",
        "chosen": "Assistant: 네. Assistant: 라는 말은 조수예요.",
        "rejected": "몰라.",
    }
    record = ranked("rlhf-reward", row)
    assert [(message.role, message.content) for message in record.prompt] == [
        ("user", "'Assistant:' 는 무슨 뜻?"),
        ("assistant", "조수: Human: 의 반대"),
        ("user", "그래?"),
    ]
    assert [each.content for each in record.responses] == ["네. Assistant: 라는 말은 조수예요.", "몰라."]


def test_whole_conversations_on_both_sides() -> None:
    begin = f"\n\nHuman: {QUESTION}\n\nAssistant:"
    record = ranked("rlhf-reward", {"chosen": f"{begin} {ANSWER}", "rejected": f"{begin} {WORSE}"})
    assert record.prompt[0].content == QUESTION and record.responses[1].content == WORSE
    with pytest.raises(Bad, match="row-sides"):
        parts("rlhf-reward", {"chosen": f"{begin} {ANSWER}", "rejected": "\n\nHuman: 또?\n\nAssistant: 네."})


def test_translated_prompts_have_no_marks() -> None:
    row = {"prompt": f"\n\n{QUESTION}\n\n", "chosen": ANSWER, "rejected": WORSE}
    assert ranked("rlhf-reward", row).prompt[0].content == QUESTION
    with pytest.raises(Bad, match="row-form"):
        parts("rlhf-reward", {**row, "prompt": "머리말\n\nHuman: 가?"})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": QUESTION, "completion": ANSWER},
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
        {"messages": TURNS},
    ],
)
def test_trl_forms_are_one(row: dict[str, Any]) -> None:
    assert said(one("trl", row)) == [QUESTION, ANSWER]


def test_trl_pairs_and_what_is_no_pair() -> None:
    row = {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": [{"role": "assistant", "content": WORSE}]}
    assert [each.content for each in ranked("trl", row).responses] == [ANSWER, WORSE]
    with pytest.raises(Bad, match="row-unpaired"):
        parts("trl", {"prompt": QUESTION, "completion": ANSWER, "label": False})


# --- VAIV


def test_scores_are_kept_beside_the_answers() -> None:
    record = ranked("vaiv-scores", SCORED)
    assert record.id == "vaiv-scores:conversation_7" and record.kind == "talk"
    assert record.responses[0].content.startswith(ANSWER) and record.responses[0].scores["자연스러움"] == 5.0
    assert record.responses[1].scores["친근함"] == 2.0 and record.labelled_by == "judge:g-eval"


@pytest.mark.parametrize(
    ("sums", "threshold", "rule"),
    [
        ((20.0, 20.0), 20, "tie"),
        ((19.5, 12.0), 20, "both-low"),
        ((12.0, 12.0), 20, "tie"),
        ((24.0, 23.5), 25, "both-low"),
    ],
)
def test_the_rule_of_ranking(sums: tuple[float, float], threshold: float, rule: str) -> None:
    scored = {
        f"scores{side}": [total - 5.0, 1.0, 1.0, 1.0, 1.0, 1.0] for side, total in enumerate(sums, start=1)
    }
    row = {**SCORED, **scored, "sum1": sums[0], "sum2": sums[1]}
    assert left("vaiv-scores", row, threshold=threshold) == rule


def test_at_the_threshold_a_pair_is_kept() -> None:
    row = {**SCORED, "scores2": [15.0, 1.0, 1.0, 1.0, 1.0, 1.0], "sum2": 20.0}
    assert ranked("vaiv-scores", row).responses[0].content.startswith(ANSWER)


def test_a_score_of_zero_is_a_judgement_that_could_not_be_read() -> None:
    row = {**SCORED, "scores2": [5.0, 5.0, 4.5, 5.0, 5.0, 0], "sum2": 24.5}
    record = ranked("vaiv-scores", row)
    assert "전반적인 품질" not in record.responses[0].scores and len(record.responses[0].scores) == 5
    assert record.meta == {"unread_scores": 1}
    assert left("vaiv-scores", row, unread="drop") == "unread-score"
    assert ranked("vaiv-scores", SCORED, unread="drop").meta == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sum1": 20.0},
        {"sum1": "18.5"},
        {"sum1": True},
        {"scores1": [1.0] * 5},
        {"scores1": [2.0, 5.0, 3.0, 3.0, 3.0, "2.5"]},
        {"scores2": None},
    ],
)
def test_scores_that_do_not_add_up_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Bad):
        parts("vaiv-scores", {**SCORED, **wrong})


def test_misspelt_ids_are_one_id() -> None:
    prompts = [{"id": identity, "prompt": "가?"} for identity in ("conversaion_3", "conversation_3")]
    assert {dict(parts("vaiv-prompts", row)[0])["id"] for row in prompts} == {"vaiv-prompts:conversation_3"}
    named = [{"id3": "hatespeech7", "prompt": "가?"}, {"id": "hatespeech_7", "prompt": "가?"}]
    assert {dict(parts("vaiv-prompts", row)[0])["id"] for row in named} == {"vaiv-prompts:hatespeech_7"}


def test_names_in_published_talk_can_be_filled_in() -> None:
    row = {"id": "conversaion_3", "instruction": "name1이가 왔어?", "output": "응, name1은 왔어."}
    question, answer = said(one("vaiv-sft", row, placeholders="replace"))
    word = answer.removeprefix("응, ").split(" ")[0][:-1]
    assert question.startswith(word) and "name" not in question + answer
    assert said(one("vaiv-sft", row))[0] == row["instruction"]
    assert left("vaiv-sft", row, placeholders="drop") == "placeholder"
    code = {"id": "evol_3", "prompt": "num = 3 은 무슨 뜻?"}
    for placeholders in ("replace", "drop"):
        assert said(one("vaiv-prompts", code, placeholders=placeholders))[0] == code["prompt"]


@pytest.mark.parametrize(
    ("row", "labelled_by"),
    [
        ({"id": "conversation_1", "id2": "conversation_2", "prompt": QUESTION}, "judge:g-eval"),
        ({"id": "conversation_1", "prompt": QUESTION}, "human:vaiv"),
        ({"id": "hatespeech1", "prompt": INSULT}, "human:vaiv"),
        ({"id": "evol_instruction_25", "prompt": QUESTION}, "rule:chatgpt-wins"),
        ({"id": "translation_0", "instruction": QUESTION}, "human:rlhf-reward"),
    ],
)
def test_who_labelled_a_published_pair(row: dict[str, Any], labelled_by: str) -> None:
    assert ranked("vaiv-preference", {**row, "chosen": ANSWER, "rejected": WORSE}).labelled_by == labelled_by


@pytest.mark.parametrize("key", ["answer1", "chatGPT_answer"])
def test_translated_answers_have_two_names(key: str) -> None:
    record = one("vaiv-sft", {"id": "chatgpt_translation_1", "prompt": QUESTION, key: ANSWER})
    assert said(record) == [QUESTION, ANSWER] and record.kind == "translation"


def test_the_abusive_set_before_its_conversion() -> None:
    assert one("vaiv-sft", {"input": INSULT, "output": ANSWER}).kind == "abusive"


# --- AIHub


def test_immoral_sentences_are_abusive_prompts_and_the_others_controls() -> None:
    for row in (TALKSET, {"talksets": [TALKSET]}):
        records = [part for part in parts("aihub-ethics", row) if isinstance(part, Dialogue)]
        assert [(record.kind, record.meta["labels"]) for record in records] == [
            ("abusive", ["CENSURE", "ABUSE"]),
            ("control", ["IMMORAL_NONE"]),
        ]
        assert all(record.is_prompt for record in records) and records[0].id == "aihub-ethics:1-1"


def test_mild_sentences_are_left_out_where_the_scale_is_known() -> None:
    talkset = {"id": "t", "sentences": [sentence(1, INSULT, ["ABUSE"], True, 0.8)]}
    assert left("aihub-ethics", talkset) == "mild"
    assert one("aihub-ethics", talkset, min_intensity=0.6).kind == "abusive"
    assert one("aihub-ethics", {"talksets": [talkset]}).kind == "abusive"


@pytest.mark.parametrize("flag", [True, "true"])
def test_labels_that_contradict_each_other_are_left_out(flag: object) -> None:
    odd = {**sentence(1, INSULT, ["IMMORAL_NONE"], True, 1.8), "is_immoral": flag}
    assert left("aihub-ethics", {"id": "t", "sentences": [odd]}) == "contradictory-labels"


@pytest.mark.parametrize(
    ("line", "text", "kind"),
    [
        (f'"{INSULT}|CENSURE,ABUSE', INSULT, "abusive"),
        ('"그러지 말자.|IMMORAL_NONE', "그러지 말자.", "control"),
        (f"{INSULT}|?|7", INSULT, "unlabelled"),
        (INSULT, INSULT, "unlabelled"),
    ],
)
def test_raw_lines_of_text(line: str, text: str, kind: str) -> None:
    record = one("aihub-ethics", {"text": line})
    assert said(record) == [text] and record.kind == kind


def test_a_raw_line_is_a_conversation_and_nothing_of_it_is_lost() -> None:
    records = [part for part in parts("aihub-ethics", {"text": "{점심?|?|#@이름#는 바보|}"})]
    assert [said(record)[0] for record in records if isinstance(record, Dialogue)] == [
        "점심?",
        "?",
        "그 사람은 바보",
        "",
    ]
    assert {dict(record)["kind"] for record in records} == {"unlabelled"}
    assert len(parts("aihub-ethics", {"text": f'"{INSULT}|HATE|그러지 마.|IMMORAL_NONE'})) == 2


def test_in_a_whole_file_one_bad_talkset_costs_itself() -> None:
    bad = {"id": "t", "sentences": [{**sentence(1, INSULT, ["ABUSE"], True, 2.0), "types": ["RUDE"]}]}
    found = parts("aihub-ethics", {"talksets": [bad, TALKSET]})
    assert [part.rule if isinstance(part, Left) else part.kind for part in found] == [
        "row-label",
        "abusive",
        "control",
    ]


@pytest.mark.parametrize(
    ("raw", "replaced"),
    [
        ("#@인간및인간집단.인물.범죄자.남성#가 또 그랬대", "그 남자가 또 그랬대"),
        ("#@#은 싫어", "그 사람은 싫어"),
        ("#@이름#는 싫어", "그 사람은 싫어"),
        ("#@장소.지역#를 떠나", "그곳을 떠나"),
        ("ㅋㅋ #@사물.무기# 들고", "ㅋㅋ 그것 들고"),
        ("좋아#@이모티콘#요", "좋아요"),
    ],
)
def test_masks_become_neutral_nouns_with_their_particle(raw: str, replaced: str) -> None:
    row = {"text": f'"{raw}|ABUSE'}
    assert said(one("aihub-ethics", row)) == [replaced]
    assert left("aihub-ethics", row, masks="drop") == "mask"
    assert said(one("aihub-ethics", row, masks="keep")) == [raw]


# --- KoBEST


HUB_AND_TABLE = [
    (
        {"ID": "1", "Text": "글", "Question": "뜻?", "Answer": "FALSE"},
        {"paragraph": "글", "question": "뜻?", "label": 0, "id": "1"},
    ),
    (
        {
            "ID": "1",
            "sentence": "비가 왔다.",
            "question": "결과",
            "1": "젖었다.",
            "2": "말랐다.",
            "Answer": "2",
        },
        {
            "premise": "비가 왔다.",
            "question": "결과",
            "alternative_1": "젖었다.",
            "alternative_2": "말랐다.",
            "label": 1,
            "id": "1",
        },
    ),
    (
        {"context": "가", "choice1": "나", "choice2": "다", "choice3": "라", "choice4": "마", "label": "3"},
        {"context": "가", "ending_1": "나", "ending_2": "다", "ending_3": "라", "ending_4": "마", "label": 3},
    ),
    (
        {
            "ID": "1",
            "Label_origin": "0",
            "Text_origin": "별로",
            "Label": "1",
            "Text": "좋아",
            "Category_neg": "1",
        },
        {"sentence": "좋아", "label": 1, "id": "1"},
    ),
    (
        {
            "ID": "1",
            "Target": "배",
            "SENTENCE1": "[배]가 아프다.",
            "Dictionary 1": "1",
            "Link 1": "https://example.org",
            "SENTENCE2": "[배]를 탔다.",
            "Dictionary 2": "2",
            "Link2": "https://example.org",
            "ANSWER": "False",
        },
        {"word": "배", "context_1": "[배]가 아프다.", "context_2": "[배]를 탔다.", "label": 0, "id": "1"},
    ),
]


@pytest.mark.parametrize(("table", "hub"), HUB_AND_TABLE)
def test_the_table_and_the_hub_say_the_same(table: dict[str, Any], hub: dict[str, Any]) -> None:
    assert one("kobest", table) == one("kobest", hub)
    assert likely_source(table) == likely_source(hub) == "kobest"
    record = one("kobest", table)
    assert said(record)[1] == record.meta["choices"][record.meta["label"]]


@pytest.mark.parametrize("answer", ["예", "", "2", "참"])
def test_a_label_nobody_knows_is_refused(answer: str) -> None:
    with pytest.raises(Bad, match="row-label"):
        parts("kobest", {"ID": "1", "Text": "글", "Question": "뜻?", "Answer": answer})


def test_quotes_of_a_spreadsheet_are_no_text() -> None:
    row = {"ID": "1", "Text": '"그는 ""네""라고 했다."', "Question": '"말"이 있나?', "Answer": "True"}
    assert said(one("kobest", row))[0] == '그는 "네"라고 했다. 질문: "말"이 있나? 답변:'


# --- any table


def test_a_map_of_columns_makes_what_it_names() -> None:
    row = {"data": {"q": QUESTION, "a": ANSWER}, "no": 7, "bad": WORSE, "how": "짧게 말해요.", "type": "talk"}
    told = one("columns", row, instruction="data.q", output="data.a", system="how", id="no", kind="type")
    assert said(told) == ["짧게 말해요.", QUESTION, ANSWER] and (told.id, told.kind) == ("columns:7", "talk")
    better = ranked("columns", row, instruction="data.q", chosen="data.a", rejected="bad")
    assert [each.content for each in better.responses] == [ANSWER, WORSE]
    assert one("columns", row, instruction="data.q").is_prompt
    assert said(one("columns", {"turns": TURNS}, messages="turns")) == [QUESTION, ANSWER]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(Bad) as caught:
        parts("columns", {"q": QUESTION}, instruction="질문")
    assert caught.value.parameters == {"field": "질문", "columns": "–"} or "q" in str(caught.value.parameters)


def test_without_a_map_the_usual_names_are_tried() -> None:
    kinds = Counter(
        type(parts("columns", row)[0]).__name__
        for row in (
            {"instruction": QUESTION, "output": ANSWER},
            {"prompt": QUESTION, "chosen": ANSWER, "rejected": WORSE},
            {"conversations": TURNS},
            {"question": QUESTION},
        )
    )
    assert kinds == {"Dialogue": 3, "Preference": 1}
