"""One of two processes that train together; the tests start it and read what it leaves. Not a test itself.

Arguments: the folder of models, the folder for answers. The environment is what torchrun sets.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from loop_parts import hidden_of
from safetensors.torch import save_file
from small_training import (
    MAKERS,
    SOME_EACH,
    Trace,
    fresh_base,
    make_ppo,
    make_sft,
    watch_ratios,
)

from dajeong.errors import Stopped
from dajeong.models.adapters import save_role
from dajeong.models.base import Base
from dajeong.storage import write_json
from dajeong.templates import TEMPLATES
from dajeong.training.algorithm import Algorithm, Entry, StepReport
from dajeong.training.loop import Loop
from dajeong.training.parallel import Parallel, parallel_of
from dajeong.workplace import Workplace, signals_noted


def keep(trace: Trace, folder: Path, rank: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"gradients": trace.gradients, "after": trace.after, "tensors": trace.tensors}
    for name, tensors in parts.items():
        save_file(
            {key: tensor.clone() for key, tensor in tensors.items()}, folder / f"{name}-{rank}.safetensors"
        )
    if rank == 0:
        write_json(folder / "journal.json", trace.journal)
        write_json(folder / "facts.json", trace.work.facts)


def compare_precisions(models: Path, answers: Path, parallel: Parallel) -> None:
    """Every algorithm in float32, then in float64."""
    narrow = torch.Tensor.float
    for double in (False, True):
        torch.Tensor.float = torch.Tensor.double if double else narrow  # type: ignore[method-assign]
        for name, make in MAKERS.items():
            folder = answers / f"{name}-{64 if double else 32}"
            trace = Trace(make(models, parallel, micro=SOME_EACH[name], double=double), folder, parallel)
            keep(trace, folder, parallel.rank)
    torch.Tensor.float = narrow  # type: ignore[method-assign]


def sampled(models: Path, answers: Path, parallel: Parallel) -> None:
    """PPO whose replies are truly drawn: what its first update sees."""
    algorithm = make_ppo(models, parallel, native=True)
    ratios = watch_ratios(algorithm)
    keep(Trace(algorithm, answers / "sampled", parallel), answers / "sampled", parallel.rank)
    write_json(answers / "sampled" / f"ratios-{parallel.rank}.json", ratios[0].tolist())


def stopped(models: Path, answers: Path, parallel: Parallel) -> None:
    """Only the second process gets the signal; both must leave after the same update, then go on together."""
    folder = answers / "stopped"
    algorithm: Algorithm = make_ppo(models, parallel, native=True)
    after = algorithm.after

    def signalled(report: StepReport) -> list[Entry]:
        if report.update == 3 and parallel.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return after(report)

    algorithm.after = signalled  # type: ignore[method-assign]
    loop = Loop(algorithm, Workplace(run=folder, name="step", seed=3), parallel, 100, {})
    code = 0
    with signals_noted():
        try:
            loop.run()
        except Stopped as stop:
            code = stop.exit_code
    write_json(answers / f"stopped-{parallel.rank}.json", {"code": code, "update": loop.update})
    parallel.gather([])  # the checkpoint is written before anybody looks for it
    keep(Trace(make_ppo(models, parallel, native=True), folder, parallel), folder, parallel.rank)


def saved(models: Path, answers: Path, parallel: Parallel) -> None:
    """An adapter that two processes trained, written by the first of them; what it says, as both know it."""
    algorithm = make_sft(models, parallel)
    model = algorithm.models["main"]
    Trace(algorithm, answers / "saved", parallel)
    if parallel.rank == 0:
        base = Base(model, fresh_base(models).tokenizer, str(models / "base"))
        save_role(base, "sft", answers / "saved" / "sft", TEMPLATES["koalpaca"])
    save_file({"hidden": hidden_of(model, "sft")}, answers / "saved" / f"hidden-{parallel.rank}.safetensors")


def main() -> None:
    models, answers = map(Path, sys.argv[1:])
    parallel = parallel_of("ddp")
    compare_precisions(models, answers, parallel)
    sampled(models, answers, parallel)
    stopped(models, answers, parallel)
    saved(models, answers, parallel)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
