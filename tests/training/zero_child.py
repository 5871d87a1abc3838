"""One of two processes that share a training through DeepSpeed. Not a test itself.

Arguments: the folder of models, the folder for answers, and a free port for each of the `PHASES`. What is
imported is imported once; every phase is a fork, since in some of them a process dies.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import parallel_child
from loop_parts import when_done
from parallel_child import Case, ended, keep, loop_in
from small_training import make_sft

from dajeong.storage import write_json
from dajeong.team import Launched
from dajeong.training.deepspeed_here import deepspeed_here
from dajeong.training.parallel import parallel_of

RANK = int(os.environ.get("RANK", "0"))
DYING = Case("sft", make_sft, False)
DIES = {"zero2": 1, "zero3": 0}
"""Rank 0 keeps the store at which the processes meet."""


def compare(way: str, models: Path, answers: Path) -> None:
    parallel_child.run(way, models, answers)


def killed(way: str, models: Path, answers: Path, *, both: bool) -> None:
    """In the third update one process is killed, or both."""
    parallel = parallel_of(way)
    algorithm = DYING.algorithm(models, parallel)
    if both or DIES[way] == RANK:
        algorithm = when_done(algorithm, 3, partial(os.kill, os.getpid(), signal.SIGKILL))
    loop_in(answers / "killed", algorithm, parallel).run()


def goes_on(way: str, models: Path, answers: Path) -> None:
    parallel = parallel_of(way)
    keep(answers / "killed", parallel, after=ended(DYING, models, answers / "killed", parallel))


Phase = Callable[[str, Path, Path], None]
OF_A_WAY: dict[str, Phase] = {
    "compare": compare,
    "killed-one": partial(killed, both=False),
    "killed-both": partial(killed, both=True),
    "goes-on": goes_on,
}
PHASES = [f"{way}/{name}" for way in DIES for name in OF_A_WAY]


def forked(phase: str, models: Path, answers: Path, port: str) -> int:
    """How a process ended that did nothing but this."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    way, _, name = phase.partition("/")
    os.environ["MASTER_PORT"] = port
    code = 1
    try:
        with Launched().as_one():
            OF_A_WAY[name](way, models, answers / way)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except Exception as problem:
        code = getattr(problem, "exit_code", 1)
        if code == 1:
            sys.excepthook(type(problem), problem, problem.__traceback__)
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    models, answers = map(Path, sys.argv[1:3])
    deepspeed_here()
    import deepspeed.runtime.zero.muon.muon_optimizer  # what initialize imports, at length  # noqa: F401

    for phase, port in zip(PHASES, sys.argv[3:], strict=True):
        code = forked(phase, models, answers, port)
        write_json(answers / phase.partition("/")[0] / f"{phase.partition('/')[2]}-{RANK}.json", code)


if __name__ == "__main__":
    main()
