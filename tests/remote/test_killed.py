"""A client killed at any moment and started again ends as one that never was, and pays for nothing twice.

The client is a process of its own that writes its answers to a file; the server counts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scripted_server import Fault, Script, Server, scripted

NUM_QUESTIONS, CONCURRENCY, BUDGET = 60, 4, 0.02

CLIENT = """
import json, sys
from pathlib import Path
from dajeong.records import Decoding, Message
from dajeong.remote.client import Client
from dajeong.remote.request import Request
from dajeong.remote.settings import ServiceSettings
from dajeong.storage import write_records
folder, count, settings = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
wanted = [
    Request(messages=(Message(role="user", content=f"{n}번째 질문"),), decoding=Decoding(max_new_tokens=40))
    for n in range(count)
]
with Client(ServiceSettings(**settings), folder / "remote.sqlite") as client:
    found = client.answers(wanted)
write_records(folder / "answers.jsonl", [each.model_copy(update={"cached": False}) for each in found])
"""


def start(folder: Path, server: Server, **more: Any) -> subprocess.Popen[bytes]:
    given = {"concurrency": CONCURRENCY, "price_in": 1.0, "price_out": 2.0, "budget": BUDGET} | more
    settings = server.settings(**given).model_dump_json()
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", CLIENT, str(folder), str(NUM_QUESTIONS), settings])


def kept(folder: Path) -> int:
    with sqlite3.connect(folder / "remote.sqlite") as db:
        return int(db.execute("SELECT COUNT(*) FROM answers").fetchone()[0])


@pytest.mark.parametrize("seed", [1])
def test_killed_at_five_random_points_is_as_if_never_killed(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    reached = threading.Event()
    kill_at = -1

    def fault_of(number: int, body: dict[str, Any]) -> Fault:
        if number == kill_at:
            reached.set()
        return None

    script = Script(reply=lambda messages: messages[-1]["content"] + "에 답합니다.", latency_s=0.01)
    with scripted(script) as server:
        script.fault_of = fault_of
        for _ in range(5):
            kill_at = len(server.calls) + draw.randrange(1, 14)
            killed = start(tmp_path / "killed", server)
            assert reached.wait(60)
            if draw.random() < 0.5:
                threading.Event().wait(draw.uniform(0, 0.02))  # in the middle of writing, too
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
            reached.clear()
            assert len(server.calls) - kept(tmp_path / "killed") <= 5 * CONCURRENCY
        kill_at = -1
        before = kept(tmp_path / "killed")
        asked_before = len(server.calls)
        assert start(tmp_path / "killed", server).wait() == 0
        assert len(server.calls) - asked_before == NUM_QUESTIONS - before, "only what was missing"
        assert server.dollars(1.0, 2.0) <= BUDGET
        check_bill(tmp_path / "killed", server)
    with scripted(Script(reply=script.reply)) as quiet:
        assert start(tmp_path / "whole", quiet).wait() == 0
        assert len(quiet.calls) == NUM_QUESTIONS
    whole, resumed = (tmp_path / name / "answers.jsonl" for name in ("whole", "killed"))
    assert whole.read_bytes() == resumed.read_bytes()
    assert len(whole.read_text(encoding="utf-8").splitlines()) == NUM_QUESTIONS


def check_bill(folder: Path, server: Server) -> None:
    """Spent is exact for what was answered; what the kills left open covers the rest."""
    with sqlite3.connect(folder / "remote.sqlite") as db:
        totals = dict(db.execute("SELECT name, pico FROM totals"))
        answers = [json.loads(row[0]) for row in db.execute("SELECT answer FROM answers")]
    assert totals["spent"] == round(sum(answer["cost"] for answer in answers) * 1e12)
    paid = round(server.dollars(1.0, 2.0) * 1e12)
    assert totals["spent"] <= paid <= totals["spent"] + totals["held"]


def test_a_signal_ends_the_asking_with_everything_kept(tmp_path: Path) -> None:
    """Ctrl-C inside `signals_noted`: what is under way comes to its end."""
    reached = threading.Event()

    def fault_of(number: int, body: dict[str, Any]) -> Fault:
        if number == 20:
            reached.set()
        return None

    noted = CLIENT.replace(
        "with Client(", "from dajeong.workplace import signals_noted\nwith signals_noted(), Client("
    )
    with scripted(Script(latency_s=0.02, fault_of=fault_of)) as server:
        command = [
            sys.executable,
            "-c",
            noted,
            str(tmp_path),
            "500",
            server.settings(concurrency=4).model_dump_json(),
        ]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert reached.wait(60)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1 and b"Stopped" in said
        assert kept(tmp_path) == len(server.calls) < 500
