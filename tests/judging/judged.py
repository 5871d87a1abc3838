"""What the tests of judges share: invented replies, rubrics, and judges with rules for brains."""

from __future__ import annotations

import re
from collections.abc import Callable

from dajeong.judging.rubric import Criterion, Rubric, Sheet
from dajeong.records import Decoding, Message, Reply
from scripted_server import Messages, Written

QUESTIONS = ("점심에 뭐 먹을까요?", "비 오는 날에는 뭘 할까요?", "요즘 잠이 안 와요.")
ANSWERS = ("따뜻한 국수는 어때요?", "창가에서 책을 읽어 봐요.", "따뜻한 우유를 마셔 보세요.")
DRAWN = Decoding(temperature=0.8)


def reply(number: int, author: str = "sft", content: str = "", kind: str = "talk") -> Reply:
    return Reply(
        id=f"{author}:{number}",
        kind=kind,
        prompt_id=f"p{number}",
        prompt=(Message(role="user", content=QUESTIONS[number % len(QUESTIONS)]),),
        content=content or ANSWERS[number % len(ANSWERS)],
        author=author,
        decoding=DRAWN,
    )


def rubric(*scales: tuple[int, int]) -> Rubric:
    criteria = tuple(
        Criterion(
            name=f"criterion-{number}",
            title=f"Criterion {number}",
            question="Is it good?",
            lowest=lowest,
            highest=highest,
            steps=("Read.",),
        )
        for number, (lowest, highest) in enumerate(scales)
    )
    return Rubric(name="invented", sheets={"": Sheet(criteria=criteria)})


Reader = Callable[[str, str], "str | Written"]


def fenced_parts(messages: Messages) -> tuple[str, str, str]:
    """The prompt and the answer by the code that the system text names, and everything outside of them.

    A judge that keeps to the rule: text is what stands between marks with that code, the rest are its orders.
    """
    code = re.search(r"(?:code|부호) ([0-9a-f]{16})", messages[0]["content"])
    assert code is not None, "the code stands in the system text"
    user = messages[1]["content"]
    parts = []
    for label in ("PROMPT", "ANSWER"):
        opening, closing = f"[[{label} {code[1]}]]\n", f"\n[[/{label} {code[1]}]]"
        assert user.count(opening) == user.count(closing) == 1
        start, end = user.index(opening), user.index(closing)
        parts.append(user[start + len(opening) : end])
        user = user[:start] + user[end + len(closing) :]
    return parts[0], parts[1], user


def rule_judge(judge: Callable[[str, str, str], str | Written]) -> Callable[[Messages], str | Written]:
    """A scripted model behind a service: (prompt, answer, orders) → what it says."""
    return lambda messages: judge(*fenced_parts(messages))
