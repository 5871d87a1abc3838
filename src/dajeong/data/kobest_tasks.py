"""KoBEST's five tasks: how their tables call each column, how labels are spelt, what is asked. Data only.

Questions are those of EleutherAI's harness; a profile adds its blanks. COPA counts its answers from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

Name = Literal["boolq", "copa", "hellaswag", "sentineg", "wic"]
NAMES: tuple[Name, ...] = get_args(Name)

NO_YES = ("아니오", "예")
TRUTH = ("false", "true")
JOINS = {"원인": "왜냐하면", "결과": "그래서"}
"""What COPA asks for → the word between premise and answer."""


class Task(NamedTuple):
    title: str
    """Its folder, and its name in ids."""
    texts: Mapping[str, str]
    """The columns that prompts are made of → what the Hub's copy calls them."""
    answer: str
    """The column of answers; the Hub calls every one `label` and counts from 0."""
    answers: tuple[str, ...]
    """How each label is spelt, in small letters."""
    question: str
    """What is asked, with the columns in braces."""
    choices: tuple[str, ...] = ()
    """What may be answered; empty where the columns of `offered` say it."""
    offered: tuple[str, ...] = ()

    def asked(self, cells: Mapping[str, str]) -> str:
        """The question with its cells; `join` is COPA's word."""
        join = JOINS.get(cells.get("question", "").strip(), "")
        return self.question.format_map({**cells, "join": join})

    def choices_in(self, cells: Mapping[str, str]) -> tuple[str, ...]:
        return self.choices or tuple(cells[column] for column in self.offered)


ENDINGS = tuple(f"choice{number}" for number in range(1, 5))
TASKS: dict[Name, Task] = {
    "boolq": Task(
        "BoolQ",
        {"Text": "paragraph", "Question": "question"},
        "Answer",
        TRUTH,
        "{Text} 질문: {Question} 답변:",
        NO_YES,
    ),
    "copa": Task(
        "COPA",
        {"sentence": "premise", "question": "question", "1": "alternative_1", "2": "alternative_2"},
        "Answer",
        ("1", "2"),
        "{sentence} {join}",
        offered=("1", "2"),
    ),
    "hellaswag": Task(
        "HellaSwag",
        {"context": "context", **{ending: f"ending_{n}" for n, ending in enumerate(ENDINGS, start=1)}},
        "label",
        ("0", "1", "2", "3"),
        "문장: {context}",
        offered=ENDINGS,
    ),
    "sentineg": Task(
        "SentiNeg",
        {"Text": "sentence"},
        "Label",
        ("0", "1"),
        "문장: {Text} 긍부정:",
        ("부정", "긍정"),
    ),
    "wic": Task(
        "WiC",
        {"Target": "word", "SENTENCE1": "context_1", "SENTENCE2": "context_2"},
        "ANSWER",
        TRUTH,
        "문장1: {SENTENCE1} 문장2: {SENTENCE2} 두 문장에서 {Target}가 같은 뜻으로 쓰였나?",
        NO_YES,
    ),
}
