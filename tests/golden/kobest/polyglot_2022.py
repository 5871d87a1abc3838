"""Writes polyglot-2022.json: what the `polyglot` branch of EleutherAI's harness asks of KoBEST's rows.

    python polyglot_2022.py DATA_FOLDER

Written from that branch's `tasks/kobest.py`, `base.py` (few-shot contexts), `evaluator.py` (order of rows);
imports nothing of dajeong. Digests only: no text can be got back. For each task and number of examples: the
places of the first rows asked, the first items' digests, and one digest of all items.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import pandas

SHOWN = 8
NUM_FEW_SHOT = 100
YES = {"False": " 아니오", "True": " 예"}
Doc = dict[str, Any]


def boolq(doc: Doc) -> tuple[str, list[str], int]:
    text = "{} 질문: {} 답변: ".format(doc["Text"], doc["Question"])
    return text, [" 아니오", " 예"], [" 아니오", " 예"].index(YES[str(doc["Answer"])])


def copa(doc: Doc) -> tuple[str, list[str], int]:
    connector = {"원인": "왜냐하면", "결과": "그래서"}[doc["question"].strip()]
    return doc["sentence"] + f" {connector}", [" " + doc["1"], " " + doc["2"]], int(doc["Answer"]) - 1


def hellaswag(doc: Doc) -> tuple[str, list[str], int]:
    endings = [" " + doc[f"choice{number}"] for number in (1, 2, 3, 4)]
    return "문장: {}".format(doc["context"]), endings, int(doc["label"])


def sentineg(doc: Doc) -> tuple[str, list[str], int]:
    return "문장: {} 긍부정:".format(doc["Text"]), [" 부정", " 긍정"], int(doc["Label"])


def wic(doc: Doc) -> tuple[str, list[str], int]:
    text = "문장1: {} 문장2: {} 두 문장에서 {}가 같은 뜻으로 쓰였나?".format(
        doc["SENTENCE1"], doc["SENTENCE2"], doc["Target"]
    )
    return text, [" 아니오", " 예"], [" 아니오", " 예"].index(YES[str(doc["ANSWER"])])


TASKS = {
    "boolq": ("BoolQ", boolq),
    "copa": ("COPA", copa),
    "hellaswag": ("HellaSwag", hellaswag),
    "sentineg": ("SentiNeg", sentineg),
    "wic": ("WiC", wic),
}


def asked(name: str, data: Path, num_fewshot: int, limit: int | None) -> dict[str, Any]:
    folder, ask = TASKS[name]
    test, train = (docs(data / folder, part) for part in ("test", "train"))
    task_docs = list(enumerate(test))
    rnd = random.Random()
    rnd.seed(42)
    rnd.shuffle(task_docs)
    digests = []
    for _, doc in task_docs[:limit]:
        labeled_examples = ""
        if num_fewshot:
            fewshotex = [ask(example) for example in rnd.sample(train, num_fewshot)]
            labeled_examples = "\n\n".join(text + choices[gold] for text, choices, gold in fewshotex) + "\n\n"
        text, choices, gold = ask(doc)
        digests.append(digest([labeled_examples + text, *choices, str(gold)]))
    return {
        "order": [place for place, _ in task_docs[:SHOWN]],
        "first": [each[:16] for each in digests[:SHOWN]],
        "count": len(digests),
        "all": digest(digests),
    }


def docs(folder: Path, part: str) -> list[Doc]:
    (path,) = folder.glob(f"{part}*.tsv")
    return [dict(row) for _, row in pandas.read_csv(path, sep="\t").dropna().iterrows()]


def digest(parts: list[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def main() -> None:
    data = Path(sys.argv[1])
    found = {
        name: {"0": asked(name, data, 0, None), "5": asked(name, data, 5, NUM_FEW_SHOT)} for name in TASKS
    }
    path = Path(__file__).with_name("polyglot-2022.json")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
