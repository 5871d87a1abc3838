"""Two processes that train together, of which one is killed, or both: R14, and what the run costs then.

Two nurseries fork the processes of each run, so that a run costs its work and not its imports.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_run import Done, Nursery, arguments, begun_again_at, environment, journals, outcome

AFTER = "dajeong.training.sft:Sft.after"
"""Called once an update, on every process."""


class Pair:
    """Runs one command in two processes that know of each other."""

    def __init__(self, nurseries: Sequence[Nursery]) -> None:
        self.nurseries = nurseries
        self.ended: dict[int, float] = {}
        """Rank → when its last run was over."""

    def run(self, run: Path, way: str, killed: dict[int, int] | None = None) -> list[Done]:
        """`killed`: rank → the call of `Sft.after` at which it kills itself."""
        given = arguments(run, f"sft.parallel={way}")
        given = [*given[:2], "--until", "sft", *given[2:]]

        def one(rank: int) -> Done:
            points = [(AFTER, killed[rank])] if killed and rank in killed else []
            done = self.nurseries[rank].run(given, points, signal.SIGKILL)
            self.ended[rank] = time.monotonic()
            return done

        with ThreadPoolExecutor(2) as both:
            return list(both.map(one, range(2)))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with contextlib.ExitStack() as stack:
        nurseries = []
        for rank in ("0", "1"):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("nursery.py"))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment() | shared | {"RANK": rank, "LOCAL_RANK": rank},
                )
            )
            assert process.stdin
            stack.callback(process.stdin.close)
            nurseries.append(Nursery(process, tmp_path_factory.mktemp(f"rank-{rank}")))
        yield Pair(nurseries)


def before_sft(whole: Path, folder: Path) -> Path:
    shutil.copytree(whole, folder)
    begun_again_at(folder, "sft")
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("way", "dies"), [("ddp", 1), ("fsdp2", 0)])
def test_R14_who_dies_ends_all_and_the_run_goes_on_as_if_nobody_had(
    whole: Path, pair: Pair, tmp_path: Path, way: str, dies: int
) -> None:
    """Rank 0 keeps the store that the processes meet at, so its death is the harder one."""
    straight, run = (before_sft(whole, tmp_path / name) for name in ("straight", "killed"))
    assert [done.code for done in pair.run(straight, way)] == [0, 0]

    ended = pair.run(run, way, {dies: 3})
    assert pair.ended[1 - dies] - pair.ended[dies] < 60
    assert ended[dies].code == -signal.SIGKILL
    survivor = ended[1 - dies]
    assert survivor.code == 4, survivor.err
    assert survivor.err.count("another process of this run has ended") == 1
    assert "Traceback" not in survivor.err and "same command" in survivor.err
    assert [path.name for path in (run / "steps/sft/checkpoints").iterdir()] == ["update-00000002"]

    assert [done.code for done in pair.run(run, way, {0: 3, 1: 3})] == [-signal.SIGKILL] * 2
    assert (run / "steps/sft/checkpoints/update-00000004").is_dir()
    assert [done.code for done in pair.run(run, way)] == [0, 0]
    assert outcome(run) == outcome(straight) and journals(run) == journals(straight)
