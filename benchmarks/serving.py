"""The speed of `dajeong serve`: streams at once beside HF's batched `generate` and one request at a time.

    python benchmarks/serving.py [--rounds N] [--streams N] [--tokens N] [--soak-s S] [--out FILE]

Every round asks all sides, every second one in the opposite order. The server and HF each stay in a process
of their own, one thread for products each. Seconds are wall-clock, for a server has several threads; the
CPU-seconds of both processes stand beside them. What is counted are tokens of greedy replies of one length,
and both sides must write the same ones. Then 64 clients come and go for a while: every whole answer must be
the one that the same question gets alone, and the server's memory must come back.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from conditions import load, machine, versions
from rounds import alternating
from serving_clients import Heard, at_once, one_by_one, stream
from turns import ENVIRONMENT, Clock, serve

HERE = Path(__file__).parent
PACKAGES = ("torch", "transformers", "fastapi", "uvicorn")
PROMPT_TOKENS = 24
SIDES = ("streams", "hf_batched", "one_at_a_time")
TARGETS = {"streams_vs_hf_batched": 1.2, "streams_vs_one_at_a_time": 5.0, "first_token_ms_of_8": 200.0}
SOAK_CLIENTS = 64
MEMORY_MIB = 32
"""How far the server's memory after the soak may lie above what it was after the rounds."""

Address = tuple[str, int]


def main() -> None:
    options = read_options()
    if options.hf:
        serve_hf(options)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes below end too
    before = machine()
    with tempfile.TemporaryDirectory() as place:
        write_model(Path(place), options.layers, options.hidden)
        result = measured(Path(place), options)
    result["conditions"] = {
        "machine": before,
        "load_average_at_end": load(),
        "versions": versions(Path(sys.executable), PACKAGES),
        "threads": 1,
    }
    out = options.out or HERE / "results" / f"serving-{result['date']}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("ratios", "targets", "missed", "soak")}, indent=1))
    print(f"written to {out}", file=sys.stderr)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128, help="drawn for every request")
    parser.add_argument("--soak-s", type=float, default=120.0)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/serving-<date>.json")
    parser.add_argument("--hf", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_model(folder: Path, layers: int, hidden: int) -> None:
    """The demo's shape unless told otherwise; weights so wide that no greedy choice is a tie, and no end."""
    import torch
    from transformers import AutoModelForCausalLM

    from dajeong.models.settings import TinySettings
    from dajeong.models.tiny import write_tiny

    chance = random.Random(0)
    texts = ["".join(chr(0xAC00 + chance.randrange(2000)) for _ in range(200)) for _ in range(100)]
    write_tiny(folder, texts, TinySettings(layers=layers, hidden=hidden, vocabulary=1536), seed=0)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.1)
        network.get_output_embeddings().weight[network.config.eos_token_id] = 0
    network.save_pretrained(folder)


def prompts(count: int, seed: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [[chance.randrange(300, 1500) for _ in range(PROMPT_TOKENS)] for _ in range(count)]


def serve_hf(options: argparse.Namespace) -> None:
    """In a process of its own: one batched `generate` a turn."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    network = AutoModelForCausalLM.from_pretrained(options.hf, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(options.hf)
    ids = torch.tensor(prompts(options.streams, 0))

    def work() -> dict[str, Any]:
        clock = Clock()
        clock.start()
        with torch.inference_mode():
            out = network.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=options.tokens, do_sample=False
            )
        clock.stop()
        said = out[:, PROMPT_TOKENS:].tolist()
        texts = [tokenizer.backend_tokenizer.decode(each, skip_special_tokens=True) for each in said]
        return {**clock.seconds(), "count": sum(map(len, said)), "texts": texts}

    serve(work, work)


class Server:
    """`dajeong serve` in a process of its own."""

    def __init__(self, model: Path) -> None:
        command = [sys.executable, "-m", "dajeong", "serve", str(model), "--port", "0", "--json", "--quiet"]
        environment = {**os.environ, **ENVIRONMENT}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        url = json.loads(self._process.stdout.readline())["url"]
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.address: Address = (host, int(port))
        self.model = model.name
        self.inside = psutil.Process(self._process.pid)
        self._wait()

    def _wait(self) -> None:
        import httpx

        until = time.monotonic() + 120
        while httpx.get(f"http://{self.address[0]}:{self.address[1]}/health").status_code != 200:
            if time.monotonic() > until:
                raise RuntimeError("the server does not become ready")
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        used = self.inside.cpu_times()
        return float(used.user + used.system)

    def memory_mib(self) -> float:
        return float(self.inside.memory_info().rss / 2**20)

    def asked(self, prompt: list[int], tokens: int) -> dict[str, Any]:
        return {"model": self.model, "prompt": prompt, "max_tokens": tokens, "temperature": 0}

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(60)


class Hf:
    """The other side, asked round by round."""

    def __init__(self, model: Path, options: argparse.Namespace) -> None:
        command = [sys.executable, str(HERE / "serving.py"), "--hf", str(model)]
        command += ["--streams", str(options.streams), "--tokens", str(options.tokens)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(HERE)},
        )

    def turn(self) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.communicate(timeout=60)


def measured(model: Path, options: argparse.Namespace) -> dict[str, Any]:
    server, peer = Server(model), Hf(model, options)
    asked = [server.asked(prompt, options.tokens) for prompt in prompts(options.streams, 0)]

    def heard(ask: Callable[..., Any], some: list[dict[str, Any]]) -> dict[str, Any]:
        cpu, wall = server.cpu_seconds(), time.perf_counter()
        found: list[Heard] = asyncio.run(ask(server.address, some))
        wall = time.perf_counter() - wall
        return {
            "wall_seconds": wall,
            "cpu_seconds": server.cpu_seconds() - cpu,
            "count": sum(each.tokens for each in found),
            "first_token_ms": sorted(round(1000 * each.first_s, 1) for each in found),
            "texts": [each.text for each in found],
        }

    sides: dict[str, Callable[[], dict[str, Any]]] = {
        "streams": lambda: heard(at_once, asked),
        "hf_batched": peer.turn,
        "one_at_a_time": lambda: heard(one_by_one, asked),
    }
    try:
        same = agreement({side: sides[side]() for side in SIDES})
        rows = []
        for number, side in alternating(options.rounds, SIDES):
            row = sides[side]()
            del row["texts"]
            rows.append({"name": side, "round": number, "load_before": load(), **row})
            if side == "streams":
                eight = heard(at_once, asked[:8])
                rows.append({"name": "eight", "round": number, "first_token_ms": eight["first_token_ms"]})
        soak = soaked(server, options)
    finally:
        peer.end()
        server.end()
    ratios, by_round = compared(rows)
    return {
        "name": "serving",
        "date": datetime.date.today().isoformat(),
        "settings": {
            "streams": options.streams,
            "tokens": options.tokens,
            "prompt_tokens": PROMPT_TOKENS,
            "layers": options.layers,
            "hidden": options.hidden,
            "vocabulary": 1536,
        },
        "agreement": same,
        "ratios": ratios,
        "ratios_by_round": by_round,
        "targets": TARGETS,
        "missed": missed(ratios, soak),
        "soak": soak,
        "rounds": rows,
    }


def agreement(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Raises where the sides write different things: then nothing is compared."""
    texts = {side: [text.replace("\ufffd", "") for text in each["texts"]] for side, each in found.items()}
    counts = {side: each["count"] for side, each in found.items()}
    equal = {side: sum(map(str.__eq__, texts[side], texts["hf_batched"])) for side in SIDES}
    if len(set(counts.values())) > 1 or min(equal.values()) < len(texts["streams"]):
        raise RuntimeError(f"the sides differ: tokens {counts}, texts equal to HF's {equal}")
    return {"tokens": counts["streams"], "texts_equal": min(equal.values())}


def compared(rows: list[dict[str, Any]]) -> tuple[dict[str, float], dict[str, list[float]]]:
    def values(name: str, read: str) -> list[Any]:
        return [row[read] for row in sorted(rows, key=lambda row: row["round"]) if row["name"] == name]

    by_round: dict[str, list[float]] = {}
    for clock, suffix in (("wall_seconds", ""), ("cpu_seconds", "_cpu")):
        ours = values("streams", clock)
        for peer in SIDES[1:]:
            pairs = zip(values(peer, clock), ours, strict=True)
            by_round[f"streams_vs_{peer}{suffix}"] = [round(theirs / mine, 3) for theirs, mine in pairs]
    by_round["first_token_ms_of_8"] = [max(found) for found in values("eight", "first_token_ms")]
    return {name: round(median(found), 3) for name, found in by_round.items()}, by_round


def missed(ratios: dict[str, float], soak: dict[str, Any]) -> list[str]:
    found = [
        name for name in ("streams_vs_hf_batched", "streams_vs_one_at_a_time") if ratios[name] < TARGETS[name]
    ]
    if ratios["first_token_ms_of_8"] >= TARGETS["first_token_ms_of_8"]:
        found.append("first_token_ms_of_8")
    if soak["different"] or soak["failed"]:
        found.append("soak_answers")
    if soak["memory_mib"]["after"] - soak["memory_mib"]["before"] > MEMORY_MIB:
        found.append("soak_memory")
    return found


def soaked(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    """64 clients for a while, a third of the streams left in the middle."""
    chance = random.Random(1)
    questions = [
        server.asked(prompt[: chance.randrange(4, PROMPT_TOKENS)], chance.randrange(8, options.tokens))
        for prompt in prompts(40, 2)
    ]
    alone = [each.text for each in asyncio.run(one_by_one(server.address, questions))]
    asyncio.run(crowd(server, questions, alone, min(10.0, options.soak_s)))  # memory that stays is there then
    before = server.memory_mib()
    found = asyncio.run(crowd(server, questions, alone, options.soak_s))
    return {
        "seconds": options.soak_s,
        "clients": SOAK_CLIENTS,
        **found,
        "memory_mib": {"before": round(before, 1), "after": round(server.memory_mib(), 1)},
    }


async def crowd(
    server: Server, questions: list[dict[str, Any]], alone: list[str], seconds: float
) -> dict[str, int]:
    counts = {"whole": 0, "left": 0, "different": 0, "failed": 0}
    until = time.monotonic() + seconds

    async def client(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < until:
            which = chance.randrange(len(questions))
            leave = chance.randrange(4000) if chance.random() < 1 / 3 else None
            try:
                heard = await stream(server.address, questions[which], leave)
            except (OSError, RuntimeError):
                counts["failed"] += 1
                continue
            counts["whole" if heard.complete else "left"] += 1
            counts["different"] += heard.complete and heard.text != alone[which]

    await asyncio.gather(*map(client, range(SOAK_CLIENTS)))
    return counts


if __name__ == "__main__":
    main()
