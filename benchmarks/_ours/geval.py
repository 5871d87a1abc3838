"""G-Eval's method `exact` by our own judge: rows and tokens read for each criterion, and criteria a second.

argv: model folder, number of replies. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from dajeong.judging.geval_local import LocalJudge
from dajeong.judging.rubrics import RUBRICS
from dajeong.models.load import load_chat
from dajeong.records import Message, Reply

QUESTION = "비 오는 날에는 무엇을 하면 좋을까요?"


def main() -> None:
    chat = load_chat(sys.argv[1])
    rubric = RUBRICS["kullm3", "ko"]
    replies = [reply(number) for number in range(int(sys.argv[2]))]
    judge = LocalJudge(chat, rubric)
    judge.score(replies[:2])
    read: list[int] = []
    hidden = chat.model.hidden

    def counted(ids: Any, *more: Any, **named: Any) -> Any:
        read.append(len(ids))
        return hidden(ids, *more, **named)

    chat.model.hidden = counted  # type: ignore[method-assign]
    began = time.process_time()
    scores = judge.score(replies)
    seconds = time.process_time() - began
    assert all(score.value is not None for score in scores), scores[0].reason
    spelt = {len(chat.tokenizer.encode(f"{blank}{score}")) for score in range(1, 6) for blank in ("", " ")}
    found = {"criteria": len(scores), "forwards_per_criterion": sum(read) / len(scores)}
    print(json.dumps({**found, "tokens_of_a_score": sorted(spelt), "per_cpu_second": len(scores) / seconds}))


def reply(number: int) -> Reply:
    asked = (Message(role="user", content=QUESTION),)
    content = f"창가에 앉아 책을 {number + 2}쪽 읽어 보세요."
    return Reply(id=str(number), prompt_id=str(number), prompt=asked, content=content, author="someone")


if __name__ == "__main__":
    main()
