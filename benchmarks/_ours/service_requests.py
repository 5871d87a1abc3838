"""Requests per second against a server on this machine that takes 200 ms for each, 32 at a time.

The ledger is a file, as in a run, with a budget: every request is reserved and settled on the disk. The
server is a process of its own; the ideal is concurrency / latency.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dajeong.records import Decoding, Message
from dajeong.remote.client import Client
from dajeong.remote.request import Answer, Request
from dajeong.remote.settings import ServiceSettings

LATENCY_S, CONCURRENCY, NUM_REQUESTS = 0.2, 32, 3_200
SERVER = Path(__file__).parents[2] / "tests" / "scripted_server.py"


def requests(count: int) -> list[Request]:
    """Prompts of some 600 characters, as in-context examples make them."""
    decoding = Decoding(max_new_tokens=256)
    filler = "다음 보기처럼 한국어 지시문을 하나 지으세요. " * 20
    return [
        Request(messages=(Message(role="user", content=f"{filler}{number}"),), decoding=decoding)
        for number in range(count)
    ]


def main() -> None:
    command = [sys.executable, str(SERVER), str(LATENCY_S)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert server.stdout is not None and server.stdin is not None
        url = server.stdout.readline().strip()
        settings = ServiceSettings(
            model="m", base_url=f"{url}/v1", concurrency=CONCURRENCY, price_in=1.0, price_out=1.0, budget=1e6
        )
        with Client(settings, Path(folder) / "remote.sqlite") as client:
            client.answers(requests(CONCURRENCY))  # connections, imports
            wanted = requests(CONCURRENCY + NUM_REQUESTS)[CONCURRENCY:]
            began, cpu = time.perf_counter(), time.process_time()
            found = client.answers(wanted)
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        server.stdin.close()
    assert all(isinstance(each, Answer) and not each.cached for each in found)
    rate = NUM_REQUESTS / seconds
    ideal = CONCURRENCY / LATENCY_S
    figures = {
        "requests": NUM_REQUESTS,
        "concurrency": CONCURRENCY,
        "latency_s": LATENCY_S,
        "requests_per_second": round(rate, 2),
        "ideal_requests_per_second": ideal,
        "share_of_ideal": round(rate / ideal, 4),
        "cpu_ms_per_request": round(1000 * cpu_seconds / NUM_REQUESTS, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
