"""Near duplicates by our filter, MinHash proposing and exact Jaccard index deciding.

argv: texts.json, which also says the threshold. Prints one JSON object; imports are not timed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import rensa  # noqa: F401  # so that its import is not timed

from dajeong.data.filters.filter import Dropped
from dajeong.data.filters.keys import batch_of
from dajeong.data.filters.near_duplicates import NearDuplicates
from dajeong.data.filters.settings import NearDuplicateSettings
from dajeong.records import Dialogue, Message


def main(path: Path) -> None:
    given = json.loads(path.read_text(encoding="utf-8"))
    records = [
        Dialogue(id=str(index), messages=(Message(role="user", content=text),))
        for index, text in enumerate(given["texts"])
    ]
    batch_of(["warm up"])
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        settings = NearDuplicateSettings(least=given["least"], exact_up_to=0)
        kept = list(NearDuplicates(settings, Path(folder)).keep(iter(records)))
    found = [index for index, each in enumerate(kept) if isinstance(each, Dropped)]
    times = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    print(json.dumps({**times, "dropped": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
