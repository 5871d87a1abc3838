"""Reads and cleans a corpus with every default filter, as two steps of a recipe do.

argv: the corpus, a folder to work in. Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from dajeong.data.filters.settings import CleanSettings
from dajeong.data.filters.step import run as clean
from dajeong.data.read import run as read
from dajeong.data.settings import ReadSettings
from dajeong.workplace import Workplace


def main(corpus: Path, folder: Path) -> None:
    started = time.perf_counter()
    read(ReadSettings(source="kullm", path=(str(corpus),)), Workplace(run=folder, name="read"))
    halfway = time.perf_counter()
    records = folder / "steps" / "read" / "records.jsonl"
    clean(CleanSettings(), Workplace(run=folder, name="clean", inputs={"data": (records,)}))
    ended = time.perf_counter()
    stats = {
        step: json.loads((folder / "steps" / step / "stats.json").read_text(encoding="utf-8"))
        for step in ("read", "clean")
    }
    print(
        json.dumps(
            {
                "read_seconds": round(halfway - started, 2),
                "clean_seconds": round(ended - halfway, 2),
                "wall_seconds": round(ended - started, 2),
                "cpu_seconds": round(time.process_time(), 2),
                "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "read_dropped": stats["read"]["dropped"],
                "clean_dropped": stats["clean"]["dropped"],
                "kept": stats["clean"]["records"],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
