"""Invented tables in the shape, sizes and lengths of KoBEST's, and a tiny GPT-NeoX. Nothing here is timed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from text_material import rows_of, write

ROWS = {"BoolQ": 1404, "COPA": 1000, "HellaSwag": 500, "SentiNeg": 397, "WiC": 1260}
WORDS = {"BoolQ": 45, "COPA": 5, "HellaSwag": 22, "SentiNeg": 4, "WiC": 6}
"""Of the longest text of a row, as in the published tables."""
HEADERS = {
    "BoolQ": "ID\tText\tQuestion\tAnswer",
    "COPA": "ID\tsentence\tquestion\t1\t2\tAnswer",
    "HellaSwag": "context\tchoice1\tchoice2\tchoice3\tchoice4\tlabel",
    "SentiNeg": "ID\tLabel_origin\tText_origin\tLabel\tText\tCategory_neg",
    "WiC": "ID\tTarget\tSENTENCE1\tDictionary 1\tLink 1\tSENTENCE2\tDictionary 2\tLink2\tANSWER",
}


def write_tables(folder: Path, share: float) -> None:
    """`share` of as many rows as the published test tables have; the training tables hold 300 at most."""
    chance = random.Random(0)
    corpus = folder / "words.jsonl"
    write(corpus, 3000, seed=2)
    words = [word for row in rows_of(corpus, 3000) for word in row["output"].split()]
    for name, count in ROWS.items():
        for part, rows in (("test", round(count * share)), ("train", min(300, round(count * share)))):
            path = folder / "kobest" / name / f"{part}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [HEADERS[name], *(_row(name, number, words, chance) for number in range(rows))]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(name: str, number: int, words: list[str], chance: random.Random) -> str:
    def text(most: int) -> str:
        start, length = chance.randrange(len(words) - most), max(2, round(most * chance.uniform(0.6, 1.4)))
        return " ".join(words[start : start + length])

    return "\t".join(_cells(name, number, text, chance))


def _cells(name: str, number: int, text: Callable[[int], str], chance: random.Random) -> Iterator[str]:
    long, truth = text(WORDS[name]), chance.choice(("True", "False"))
    cells = {
        "BoolQ": (number, long, text(5), truth),
        "COPA": (number, long, chance.choice(("원인", "결과")), text(4), text(4), chance.choice((1, 2))),
        "HellaSwag": (long, text(12), text(12), text(12), text(12), chance.randrange(4)),
        "SentiNeg": (number, 0, text(4), chance.randrange(2), long, 1),
        "WiC": (number, text(2).split()[0], long, 1, "-", text(6), 1, "-", truth),
    }[name]
    return map(str, cells)


def write_model(folder: Path, texts: Path) -> None:
    """As tiny as the demo's: 3 layers of width 128, a vocabulary of 4,000 characters and words."""
    from dajeong.models.settings import TinySettings
    from dajeong.models.tiny import write_tiny

    lines = (path.read_text(encoding="utf-8") for path in sorted(texts.glob("*/train*.tsv")))
    write_tiny(folder, lines, TinySettings(vocabulary=4000), seed=0)
