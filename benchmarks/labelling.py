"""How long a vote of the labelling page takes, from its request to its answer, with many items.

    python benchmarks/labelling.py [--items 10000] [--votes 500] [--out FILE]

`dajeong label` runs in a process of its own and writes to a real disk; every vote is there twice, flushed,
before it is answered, and the answer brings the next items. First one person labels, then eight at once while
a ninth sends a vote so slowly that it takes as long as all of theirs. Every acknowledged vote must be found
afterwards, once.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any

from conditions import load, machine, versions

HERE = Path(__file__).parent
PACKAGES = ("fastapi", "uvicorn", "starlette", "pydantic")
TARGETS = {"one_p50_ms": 50.0, "one_p99_ms": 50.0, "eight_p99_ms": 1000.0}
PEOPLE, VOTES_EACH = 8, 100


def main() -> None:
    options = read_options()
    before = machine()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        result = measured(Path(place), options.items, options.votes)
    result["conditions"] = {
        "machine": before,
        "load_average_at_end": load(),
        "versions": versions(Path(sys.executable), PACKAGES),
    }
    out = options.out or HERE / "results" / f"labelling-{result['date']}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("figures", "targets", "missed")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--votes", type=int, default=500, help="of the one who labels alone")
    parser.add_argument("--folder", type=Path, help="where the votes go; default: the system's place for it")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/labelling-<date>.json")
    return parser.parse_args()


def measured(folder: Path, num_items: int, num_votes: int) -> dict[str, Any]:
    file = folder / "pairs.jsonl"
    write_items(file, num_items)
    with page(file) as (port, opened_s):
        alone, sent = labelled(port, "alone", num_votes)
    with page(file) as (port, reopened_s):
        together, others = eight(port)
    stored = [
        json.loads(line)["id"] for line in (folder / "pairs.labels" / "votes.jsonl").open(encoding="utf-8")
    ]
    assert sorted(stored) == sorted([*sent, *others]), "a vote is lost or doubled"
    figures = {
        **spread("one", alone),
        **spread("eight", together),
        "opened_s": opened_s,
        "reopened_s": reopened_s,
    }
    return {
        "name": "labelling",
        "date": datetime.date.today().isoformat(),
        "items": num_items,
        "votes": len(stored),
        "figures": {name: round(value, 3) for name, value in figures.items()},
        "targets": TARGETS,
        "missed": sorted(name for name, target in TARGETS.items() if figures[name] >= target),
        "milliseconds": {"one": alone, "eight": together},
    }


def spread(name: str, milliseconds: list[float]) -> dict[str, float]:
    cuts = quantiles(milliseconds, n=100)
    return {f"{name}_p50_ms": cuts[49], f"{name}_p99_ms": cuts[98], f"{name}_max_ms": max(milliseconds)}


def write_items(path: Path, num: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(num):
            record = {
                "id": f"invented:{number}",
                "prompt": [
                    {"role": "user", "content": f"{number}번 물음이에요. 오늘 저녁은 뭘 먹으면 좋을까요?"}
                ],
                "responses": [
                    {"content": f"따뜻한 국수는 어때요? {number} " + "천천히 드세요. " * 12, "author": "one"},
                    {"content": f"아무거나요. {number} " + "알아서 하세요. " * 8, "author": "other"},
                ],
                "ranking": [[0], [1]],
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def page(file: Path) -> Iterator[tuple[int, float]]:
    """The command as people call it; its port, and the seconds until it listened."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dajeong",
            "label",
            str(file),
            "--port",
            "0",
            "--repeats",
            "0",
            "--overlap",
            "0",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        yield int(address.rstrip("/").rpartition(":")[2]), time.perf_counter() - began
    finally:
        server.terminate()
        server.communicate()


def labelled(port: int, name: str, num_votes: int) -> tuple[list[float], list[str]]:
    """Milliseconds of every vote, and the ids that were acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    waiting = asked(connection, "/api/items", {"annotator": name})["items"]
    times, ids = [], []
    for _ in range(num_votes):
        item = waiting.pop(0)
        body = {**vote(name, item), "want": 4 - len(waiting), "beside": [each["id"] for each in waiting]}
        began = time.perf_counter()
        answer = asked(connection, "/api/votes", body)
        times.append(round(1000 * (time.perf_counter() - began), 3))
        assert answer["stands"]
        ids.append(body["id"])
        waiting += answer["items"]
    connection.close()
    return times, ids


def vote(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "annotator": name,
        "item": item["id"],
        "stage": item["stage"],
        "verdict": "ranked",
        "ranking": [[0], [1]],
        "seconds": 1.0,
    }


def asked(connection: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    found: dict[str, Any] = json.loads(content)
    return found


def eight(port: int) -> tuple[list[float], list[str]]:
    """Eight people at once, and one whose vote comes byte by byte meanwhile."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    item = asked(connection, "/api/items", {"annotator": "slow", "want": 1})["items"][0]
    connection.close()
    slow = vote("slow", item)
    done: list[tuple[list[float], list[str]]] = []
    people = [
        threading.Thread(target=lambda name=f"person {number}": done.append(labelled(port, name, VOTES_EACH)))
        for number in range(PEOPLE)
    ]
    with socket.create_connection(("127.0.0.1", port)) as wire:
        body = json.dumps(slow).encode()
        head = (
            "POST /api/votes HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        wire.sendall(head.encode() + body[:10])
        for each in people:
            each.start()
        for each in people:
            each.join()
        wire.sendall(body[10:])
        assert wire.makefile("rb").read().startswith(b"HTTP/1.1 200")
    assert len(done) == PEOPLE, "somebody failed"
    return [each for times, _ in done for each in times], [
        slow["id"],
        *(each for _, ids in done for each in ids),
    ]


if __name__ == "__main__":
    main()
