"""The files that the recipes of the three systems read, invented: their schemas, as many rows as wanted.

Texts are words of drawn syllables: no two are alike unless a test makes them so. They are of nobody's corpus.
"""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import source_rows

SYLLABLES = "가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누두루무부수우주추쿠투푸후"
TOPICS = (
    "여행지(국내/해외)", "반려동물", "먹거리", "가족", "계절/날씨", "건강/다이어트", "꿈(목표)",
    "스포츠/레저", "회사/학교", "선물", "영화", "방송/연예", "아르바이트", "연애/결혼", "성격", "음악",
    "휴가", "취직", "경제/재테크", "관혼상제", "쇼핑", "우정", "대중교통",
)  # fmt: skip
"""The 23 topics of VAIV's talk."""


class Texts:
    """A stream of sentences that have nothing in common."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def text(self, num_words: int = 7) -> str:
        """Of seven words 22 characters without spaces, of three 10."""
        words = ("".join(self._chance.choices(SYLLABLES, k=3)) for _ in range(num_words))
        return " ".join(words) + "."

    def short(self) -> str:
        return self.text(3)

    def like(self, other: str) -> str:
        """Another sentence with all but one of its words."""
        return " ".join([*other.split()[:-1], self.text(1)])


def write_json(path: Path, rows: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(rows), ensure_ascii=False), encoding="utf-8")


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8")


def write_nikl(folder: Path, talks: Sequence[tuple[str, str, str]]) -> None:
    """(topic, opening, answer) of every talk: half of them 2020's folder, half 2021's archive."""
    files = [
        (f"SDRW{number:010}.json", _talk(number, *each).encode("utf-8")) for number, each in enumerate(talks)
    ]
    first = folder / "NIKL_DIALOGUE_2020_v1.3"
    first.mkdir(parents=True)
    for name, content in files[::2]:
        (first / name).write_bytes(content)
    with zipfile.ZipFile(folder / "NIKL_DIALOGUE_2021_v1.0.zip", "w") as archive:
        for name, content in files[1::2]:
            archive.writestr(f"NIKL_DIALOGUE_2021_v1.0/{name}", content)


def _talk(number: int, topic: str, opening: str, answer: str) -> str:
    said = (("1", opening), ("2", answer), ("1", "네, 그렇군요."), ("2", "맞아요."))
    row = source_rows.talk(*said, topic=f"{topic} > 이야기 {number}", number=number)
    return json.dumps(row, ensure_ascii=False)


def vaiv_talks(texts: Texts, num_each: int) -> list[tuple[str, str, str]]:
    """So many talks on each topic, and beside them three greetings and as many talks on something else."""
    talks = []
    for topic in TOPICS:
        talks += [(topic, texts.text(), f"음~ {texts.text()}") for _ in range(num_each)]
        talks += [(topic, "안녕하세요.", "네."), *((topic, texts.text(), "네.") for _ in range(2))]
        talks += [("게임", texts.text(), texts.text()) for _ in range(3)]
    return talks


def translations(texts: Texts, count: int, num_short: int = 0) -> list[dict[str, Any]]:
    """rlhf-reward-datasets, translated: blank lines around prompts are the corpus' own."""
    rows = []
    for number in range(count):
        prompt = texts.short() if number < num_short else texts.text()
        sides = {"chosen": texts.text(), "rejected": texts.text()}
        rows.append({"id": f"translation_{number}", "instruction": f"\n\n{prompt}\n\n", **sides})
    return rows


def alpaca_rows(texts: Texts, count: int) -> list[dict[str, Any]]:
    return [
        {"instruction": texts.text(), "input": ("", None, "<noinput>")[n % 3], "output": texts.text(9)}
        for n in range(count)
    ]


def write_vaiv(folder: Path, num_talks: int = 67) -> None:
    """What `friendly-sft` and the prompts of the reward models read: VAIV's amounts and a little more."""
    texts = Texts(1)
    write_nikl(folder, vaiv_talks(texts, num_talks))
    abusive = [{"input": texts.text(), "output": texts.text()} for _ in range(490)]
    write_json(folder / "abusive-answers.json", abusive)
    evol = [
        {"id": f"evol_{n}", "motivation_app": None, "instruction": texts.text(9), "output": texts.text(20)}
        for n in range(500)
    ]
    write_lines(folder / "evol-instruct-ko.jsonl", evol)
    prompts = [{"instruction": row["instruction"]} for row in evol[:20]]
    prompts += [{"instruction": texts.text(9)} for _ in range(1_727)]
    write_json(folder / "evol-prompts-ko.json", prompts)
    write_json(folder / "rlhf-reward-ko.json", translations(texts, 2_538))


def write_ppo(folder: Path) -> list[str]:
    """VAIV's pool: 1,144, 637, 1,538, 500; returns the prompts that the reward model has learned."""
    texts = Texts(2)
    talk = [texts.text() for _ in range(781)]
    talk += [texts.like(other) for other in talk[:39]] + [texts.short() for _ in range(324)]
    write_nikl(folder, [(TOPICS[0], opening, texts.text()) for opening in talk])
    write_aihub(folder, [texts.text() for _ in range(484)] + [texts.short() for _ in range(153)], texts)
    rows = translations(texts, 2_538, num_short=210)
    write_lines(folder / "rlhf-reward-ko.jsonl", rows)
    own = [{"id3": f"selfInstruct_{n}", "prompt": texts.text()} for n in range(499)]
    write_json(folder / "self-instruct-ko.json", [*own, {"id3": "selfInstruct_499", "prompt": texts.short()}])
    write_json(
        folder / "evol-prompts-ko.json",
        [{"input": texts.text(), "output": texts.text()} for _ in range(1_200)],
    )
    return [row["instruction"].strip() for row in rows[-1_000:]]


def write_aihub(folder: Path, immoral: Sequence[str], texts: Texts) -> None:
    """As unpacked; every talk has a harmless sentence and a mild one beside the immoral one."""
    talksets = []
    for number, text in enumerate(immoral):
        sentences = [
            source_rows.sentence(1, text, ["CENSURE"], True, 1.8),
            source_rows.sentence(2, texts.text(), ["IMMORAL_NONE"], False, 0.0),
            source_rows.sentence(3, texts.text(), ["CENSURE"], True, 0.6),
        ]
        named = [{**each, "id": f"{number}-{each['id']}"} for each in sentences]
        talksets.append({"id": f"talkset-{number}", "sentences": named})
    inner = folder / "147.텍스트 윤리검증 데이터" / "01.데이터" / "1.Training" / "라벨링데이터" / "aihub"
    write_json(inner / "TL1" / "talksets-train-1_aihub.json", talksets)


def write_kullm(folder: Path, count: int) -> None:
    """GPT4ALL, GPT-4-LLM, Dolly and Vicuna as translated; and a file of KULLM v2's own shape."""
    texts = Texts(3)
    gpt4all = [
        {"prompt": f"<p>{texts.text()}</p>", "response": {"value": f"{texts.text(9)}</s> \n"}, "source": "a"}
        for _ in range(count)
    ]
    write_lines(folder / "gpt4all-ko.jsonl", gpt4all)
    write_json(folder / "gpt4-llm-ko.json", alpaca_rows(texts, count))
    dolly = [
        {
            "instruction": texts.text(),
            "context": f"{texts.text()}[3]",
            "response": texts.text(9),
            "category": "qa",
        }
        for _ in range(count)
    ]
    write_lines(folder / "dolly-ko.jsonl", dolly)
    vicuna = [{"id": f"v_{n}", "conversations": _turns(texts)} for n in range(count)]
    write_json(folder / "vicuna-ko.json", vicuna)
    write_lines(
        folder / "kullm-v2.jsonl", [{"id": n, **row} for n, row in enumerate(alpaca_rows(texts, count))]
    )


def _turns(texts: Texts) -> list[dict[str, str]]:
    """Two exchanges, HTML in the answers, and a question at the end that nobody answered."""
    names = ("human", "gpt", "human", "gpt", "human")
    return [
        {"from": name, "value": f"<div><p>{texts.text()}</p></div>" if name == "gpt" else texts.text()}
        for name in names
    ]


def write_koalpaca(folder: Path, count: int) -> None:
    texts = Texts(4)
    write_json(folder / "ko_alpaca_data.json", alpaca_rows(texts, count))
    asked = [
        {"instruction": texts.text(), "output": texts.text(9), "url": "https://example.org/1"}
        for _ in range(count)
    ]
    write_lines(folder / "KoAlpaca_v1.1.jsonl", asked)
