"""Invented rows in the shape of KoBEST's tables, quirks included; and what stands in for a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TABLES: dict[str, str] = {
    "BoolQ": "ID\tText\tQuestion\tAnswer\n"
    '1\t감은 가을에 익는다. \t감은 "봄"에 익는가?\tFALSE\n'
    '2\t"고양이"는 물을 싫어한다.\t고양이는 물을 싫어하나?\tTrue\n'
    "3\t해는 동쪽에서 뜬다.\t해는 서쪽에서 뜨나?\tFalse\n",
    "COPA": "ID\tsentence\tquestion\t1\t2\tAnswer\n"
    "1\t길이 얼었다.\t결과\t사람들이 미끄러졌다.\t꽃이 피었다.\t1\n"
    "2\t아이가 웃었다.\t원인 \t선물을 받았다.\t넘어졌다.\t2\n"
    "3\t비가 왔다.\t결과\t땅이 젖었다.\t땅이 젖었다.\t2\n",
    "HellaSwag": "context\tchoice1\tchoice2\tchoice3\tchoice4\tlabel\n"
    '냄비에 물을 붓는다.\t불을 켠다.\t잠을 잔다.\t"물을 “끓인다”."\t집을 판다.\t2\n'
    "문을 연다.\t들어간다.\t날아간다.\t녹는다.\t운다.\t0\n"
    "책을 편다.\t먹는다.\t읽는다.\t탄다.\t심는다.\t1\n",
    "SentiNeg": "ID\tLabel_origin\tText_origin\tLabel\tText\tCategory_neg\n"
    "7\t1\t맛있어요\t0\t맛없어요\t1\n"
    "8\t0\t별로예요\t1\t별로인 점이 없어요\t2\n"
    "9\t1\t빨라요\t0\t빠르지 않아요\t3\n",
    "WiC": "ID\tTarget\tSENTENCE1\tDictionary 1\tLink 1\tSENTENCE2\tDictionary 2\tLink2\tANSWER\n"
    "1\t배\t[배]가 고프다. \t1\t–\t[배]를 깎아 먹는다.\t2\t–\tFalse\n"
    "2\t눈\t[눈]이 내린다.\t1\t–\t첫 [눈]을 기다린다.\t1\t–\tTRUE\n"
    "3\t말\t[말]이 달린다.\t1\t–\t고운 [말]을 쓴다.\t2\t–\tfalse\n",
}
LABELS = {
    "boolq": [0, 1, 0],
    "copa": [0, 1, 0],
    "hellaswag": [2, 0, 1],
    "sentineg": [0, 1, 0],
    "wic": [0, 1, 0],
}


def write_tables(folder: Path, parts: Sequence[str] = ("test", "train")) -> Path:
    """As published: lines end with CR and LF everywhere but in HellaSwag."""
    for name, text in TABLES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        end = "\n" if name == "HellaSwag" else "\r\n"
        for part in parts:
            path = folder / name / f"{part}.tsv"
            path.write_bytes(text.replace("\n", end).encode("utf-8"))
    return folder


class Saying:
    """Finds continuations with the given ends likely; `None` knows no number at all."""

    def __init__(self, *likely: str | None) -> None:
        self.likely = likely
        self.asked: list[tuple[str, str]] = []

    def log_likelihoods(self, pairs: Sequence[tuple[str, str]], apart: bool = False) -> list[float]:
        self.asked += pairs
        if None in self.likely:
            return [float("nan")] * len(pairs)
        ends = tuple(end for end in self.likely if end is not None)
        return [-1.0 if text.endswith(ends) else -2.0 for _, text in pairs]
