"""Compares questions as our paraphrase filter does without kiwipiepy: syllables, endings stripped.

argv: texts.json. Prints one JSON object; imports are not timed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rapidfuzz import process  # noqa: F401  # so that its import is not timed

from dajeong.data.filters.filter import Dropped
from dajeong.data.filters.paraphrases import Paraphrases
from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.records import Dialogue, Message


def main(path: Path) -> None:
    texts = json.loads(path.read_text(encoding="utf-8"))["questions"]
    records = [
        Dialogue(id=str(index), messages=(Message(role="user", content=text),))
        for index, text in enumerate(texts)
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    settings = ParaphraseSettings(unit="syllables")
    found = [
        index
        for index, each in enumerate(Paraphrases(settings).keep(iter(records)))
        if isinstance(each, Dropped)
    ]
    times = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    kept = len(texts) - len(found)
    print(json.dumps({**times, "pairs": kept * (kept - 1) // 2, "dropped": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
