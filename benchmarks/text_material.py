"""An invented corpus of KULLM v2's shape: 152,630 instructions, 264 MB, 8 % nearly repeated, 1 % repeated.

Words are made of the 2,350 common syllables and drawn by Zipf's law, lengths are log-normal. No
text of anybody is in it. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

NUM_WORDS = 60_000
MEAN_OUTPUT, SPREAD = 123, 0.75
"""Words of an answer: mean and the log's deviation, so that a row takes 1,730 bytes as upstream's do."""
NEAR, EXACT = 0.08, 0.01
REMEMBERED = 5_000
"""Earlier rows that may come back: the last so many."""
_ENDINGS = ("은", "는", "이", "가", "을", "를", "에", "에서", "으로", "와", "도", "의", "")
_CLOSINGS = ("습니다.", "합니다.", "해요.", "이에요.", "한다.", "됩니다.")


class Planted(NamedTuple):
    rows: int
    near: int
    exact: int
    bytes: int


def write(path: Path, rows: int, seed: int = 0) -> Planted:
    """The corpus as JSON Lines. A near repeat has one or two words of the answer replaced."""
    chance = random.Random(seed)
    earlier: list[dict[str, str]] = []
    near = exact = 0
    with path.open("wb") as file:
        for number, row in enumerate(_rows(rows, seed)):
            draw = chance.random() if len(earlier) > 100 else 1.0
            if draw < NEAR + EXACT:
                row = dict(chance.choice(earlier))
                near, exact = near + (draw < NEAR), exact + (draw >= NEAR)
                if draw < NEAR:
                    row = _nearly(row, chance)
            elif len(earlier) < REMEMBERED:
                earlier.append(row)
            else:
                earlier[number % REMEMBERED] = row
            line = {"id": f"row_{number}", **row}
            file.write(json.dumps(line, ensure_ascii=False).encode("utf-8") + b"\n")
        size = file.tell()
    return Planted(rows, near, exact, size)


def _nearly(row: dict[str, str], chance: random.Random) -> dict[str, str]:
    """A paraphrased question would hide behind the rule that no question comes twice; so that changes too."""
    return {key: _changed(text, chance) if key != "input" else text for key, text in row.items()}


def _changed(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    for _ in range(1 + len(words) // 80):
        words[chance.randrange(len(words))] = chance.choice(
            ("정말", "아마도", "그래서", "물론이고", "특별히")
        )
    return " ".join(words)


def _rows(count: int, seed: int) -> Iterator[dict[str, str]]:
    chance = np.random.default_rng(seed)
    words = _words(chance)
    for _ in range(0, count, 1000):
        asked = chance.integers(4, 22, 1000)
        given = np.where(chance.random(1000) < 0.3, chance.integers(5, 80, 1000), 0)
        answered = np.exp(chance.normal(np.log(MEAN_OUTPUT) - SPREAD**2 / 2, SPREAD, 1000)).astype(int)
        lengths = np.stack([asked, given, np.clip(answered, 3, 1500)], axis=1)
        drawn = (NUM_WORDS ** chance.random(int(lengths.sum()))).astype(int) - 1
        place = 0
        for row in lengths.tolist():
            texts = []
            for length in row:
                texts.append(_text(words, drawn[place : place + length].tolist()))
                place += length
            yield {"instruction": texts[0], "input": texts[1], "output": texts[2]}


def rows_of(path: Path, count: int) -> list[dict[str, str]]:
    with path.open("rb") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


def _text(words: list[str], drawn: list[int]) -> str:
    chosen = [words[index] for index in drawn]
    for place in range(9, len(chosen), 10):
        chosen[place] += _CLOSINGS[drawn[place] % len(_CLOSINGS)]
    return " ".join(chosen)


def _words(chance: np.random.Generator) -> list[str]:
    syllables = _common_syllables()
    stems = [
        "".join(syllables[index] for index in chance.integers(0, len(syllables), size))
        for size in chance.integers(1, 4, NUM_WORDS)
    ]
    return [stem + _ENDINGS[number % len(_ENDINGS)] for number, stem in enumerate(stems)]


def _common_syllables() -> list[str]:
    """The syllables of KS X 1001, in its order."""
    return [
        bytes((first, second)).decode("euc-kr") for first in range(0xB0, 0xC9) for second in range(0xA1, 0xFF)
    ]
