"""Near duplicates by datasketch's MinHash-LSH: a text that has a neighbour among the kept ones is dropped.

argv: texts.json, which also says the threshold. Prints one JSON object; imports are not timed.
"""

from __future__ import annotations

import json
import re
import sys
import time
import unicodedata
from pathlib import Path

from datasketch import MinHash, MinHashLSH


def main(path: Path) -> None:
    given = json.loads(path.read_text(encoding="utf-8"))
    wall, cpu = time.perf_counter(), time.process_time()
    index = MinHashLSH(threshold=given["least"], num_perm=128)
    found = []
    for number, text in enumerate(given["texts"]):
        plain = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())
        shingles = {plain[place : place + 5] for place in range(len(plain) - 4)}
        sketch = MinHash(num_perm=128)
        sketch.update_batch([shingle.encode("utf-8") for shingle in shingles])
        if index.query(sketch):
            found.append(number)
        else:
            index.insert(str(number), sketch)
    times = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    print(json.dumps({**times, "dropped": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
