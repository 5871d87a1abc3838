"""Candidates per second of one core that the similarity rule compares with 10,000 accepted instructions.

Sentences are drawn word by word from the seed tasks, 4 to 25 words long; a third of the candidates repeat an
accepted one with a word changed. Splitting candidates into units is part of the time.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from dajeong.data.filters.morphemes import installed
from dajeong.data.filters.paraphrases import Distinct
from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.synthesis.seeds import own_seeds

NUM_ACCEPTED, NUM_CANDIDATES, AT_ONCE = 10_000, 1_500, 300
SHORTEST, LONGEST = 4, 25


def main() -> None:
    units = ["syllables", *(["morphemes"] if installed() else [])]
    found = {unit: measure(unit) for unit in units}
    slowest = min(each["candidates_per_cpu_second"] for each in found.values())
    print(json.dumps({"candidates_per_cpu_second": slowest, "by_unit": found}))


def measure(unit: str) -> dict[str, Any]:
    draw = random.Random(0)
    words = [word for seed in own_seeds() for message in seed.messages for word in message.content.split()]
    accepted = [sentence(words, draw) for _ in range(NUM_ACCEPTED)]
    candidates = [
        changed(draw.choice(accepted), words, draw) if number % 3 == 0 else sentence(words, draw)
        for number in range(NUM_CANDIDATES)
    ]
    pool = Distinct(ParaphraseSettings.model_validate({"unit": unit}))
    for text in accepted:
        pool.add(text)
    began, wall = time.process_time(), time.perf_counter()
    found = [
        match
        for start in range(0, NUM_CANDIDATES, AT_ONCE)
        for match in pool.offer(candidates[start : start + AT_ONCE])
    ]
    seconds = time.process_time() - began
    return {
        "accepted": NUM_ACCEPTED,
        "candidates": NUM_CANDIDATES,
        "mean_characters": round(sum(map(len, candidates)) / NUM_CANDIDATES, 1),
        "turned_down": sum(match is not None for match in found),
        "cpu_seconds": round(seconds, 3),
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "candidates_per_cpu_second": round(NUM_CANDIDATES / seconds, 1),
    }


def sentence(words: list[str], draw: random.Random) -> str:
    return " ".join(draw.choice(words) for _ in range(draw.randint(SHORTEST, LONGEST)))


def changed(text: str, words: list[str], draw: random.Random) -> str:
    parts = text.split()
    parts[draw.randrange(len(parts))] = draw.choice(words)
    return " ".join(parts)


if __name__ == "__main__":
    main()
