"""Which source a raw row looks like, told from its keys and ids. Used to suggest, never to decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dajeong import messages

_SHAPES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (source, frozenset(keys.split()))
    for source, keys in (
        ("nikl", "id document"),
        ("nikl", "metadata document"),
        ("aihub-ethics", "id sentences"),
        ("aihub-ethics", "talksets"),
        ("vaiv-scores", "prompt response1 sum1 response2 sum2"),
        ("dajeong", "id prompt responses ranking"),
        ("vaiv-preference", "id id2 prompt chosen rejected"),
        ("preference", "chosen rejected"),
        ("sharegpt", "conversations"),
        ("messages", "messages"),
        ("self-instruct", "instruction instances is_classification"),
        ("kullm", "motivation_app instruction"),
        ("dolly", "instruction context response"),
        ("evol-seeds", "idx Skill Instruction"),
        ("trl", "prompt completion"),
        ("gpt4all", "prompt response"),
        ("koalpaca", "instruction output url"),
        ("alpaca", "instruction output"),
        ("alpaca", "instruction instances"),
        ("evol", "input output"),
        ("vaiv-sft", "prompt answer1"),
        ("vaiv-sft", "prompt chatGPT_answer"),
        ("vaiv-prompts", "id3 prompt"),
        ("vaiv-prompts", "prompt"),
        ("kobest", "context choice1 label"),
        ("kobest", "Text Question Answer"),
        ("kobest", "sentence question Answer"),
        ("kobest", "Target SENTENCE1 SENTENCE2"),
        ("kobest", "Text Label"),
        ("kobest", "paragraph question label"),
        ("kobest", "premise question alternative_1"),
        ("kobest", "context ending_1 label"),
        ("kobest", "word context_1 context_2"),
        ("kobest", "sentence label id"),
    )
)
"""Keys a row of the source has; the first that fits is named."""


_IDS: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...] = (
    (
        re.compile(r"(?:conversat?ion|hatespeech|evol\w*?|(?:chatgpt_)?translation)_?\d+"),
        {"alpaca": "vaiv-sft", "kullm": "vaiv-sft", "preference": "vaiv-preference"},
    ),
    (re.compile(r"(?:alpaca|dolly|vicuna|gpt4all)_\d+"), {"alpaca": "kullm"}),
    (re.compile(r"\d+"), {"kullm": "evol"}),
)
"""What ids look like, and which source keys that others have too then mean."""

_TEXTS = (("koalpaca", re.compile(r"\s*### 질문:")), ("aihub-ethics", re.compile(r"\s*\{[^\"\n]*\|")))
"""How plain text begins in the sources that have such."""


def likely_source(row: Mapping[str, Any]) -> str | None:
    """The source whose keys, marks and ids the row has; None where none fits."""
    text = row.get("text")
    for source, beginning in _TEXTS:
        if isinstance(text, str) and beginning.match(text):
            return source
    marked = row.get("prompt", row.get("chosen"))
    if "chosen" in row and isinstance(marked, str) and marked.lstrip().startswith("Human:"):
        return "rlhf-reward"
    found = next((source for source, keys in _SHAPES if keys <= row.keys()), None)
    for ids, meant in _IDS:
        if found and found in meant and ids.fullmatch(str(row.get("id"))):
            return meant[found]
    return found


_COLUMNS: Mapping[str, frozenset[str]] = {
    ours: frozenset(theirs.split())
    for ours, theirs in (
        (
            "instruction",
            "question query q ask user human prompt instruct 질문 질의 지시문 명령어 사용자 발화",
        ),
        ("input", "context passage document 맥락 문맥 본문 입력"),
        ("output", "answer reply a bot assistant gpt response completion target 답변 답 대답 응답 정답 출력"),
        ("chosen", "better accepted good win preferred 선택"),
        ("rejected", "worse refused bad lose 거절"),
        ("system", "system_prompt"),
    )
}
"""What others call our columns."""


def likely_columns(row: Mapping[str, Any]) -> dict[str, str]:
    """Our names of columns → theirs, where a question and something said to it are recognised."""
    found: dict[str, str] = {}
    for theirs in row:
        ours = next((ours for ours, names in _COLUMNS.items() if str(theirs).strip().lower() in names), None)
        if ours and ours not in found:
            found[ours] = str(theirs)
    return found if "instruction" in found and found.keys() & {"output", "chosen"} else {}


def hint(row: Mapping[str, Any], source: str) -> str:
    """What to try instead, for a row that `source` does not understand; empty where nothing comes to mind."""
    likely = likely_source(row)
    if likely and likely != source:
        return messages.text("row-looks-like", source=likely)
    columns = likely_columns(row) if source != "columns" else {}
    if not columns:
        return ""
    return messages.text("row-mapped", options=", ".join(map(": ".join, columns.items())))
