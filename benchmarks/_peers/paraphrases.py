"""Compares questions with rouge_score as Self-Instruct's code does. It finds no token in Korean text.

argv: texts.json. Prints one JSON object; imports are not timed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rouge_score import rouge_scorer


def main(path: Path) -> None:
    texts = json.loads(path.read_text(encoding="utf-8"))["questions"]
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    wall, cpu = time.perf_counter(), time.process_time()
    kept: list[str] = []
    found: list[int] = []
    pairs = 0
    for number, text in enumerate(texts):
        pairs += len(kept)
        if any(scorer.score(text, other)["rougeL"].fmeasure > 0.7 for other in kept):
            found.append(number)
        else:
            kept.append(text)
    times = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    print(json.dumps({**times, "pairs": pairs, "dropped": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
