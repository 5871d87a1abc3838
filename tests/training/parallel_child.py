"""What two processes do that share a training in one way; the tests start it and read what it leaves.

Not a test itself. Arguments: the folder of models, the folder for answers, the ways one after another. The
environment is what torchrun sets.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from loop_parts import hidden_of, when_done
from safetensors.torch import save_file
from small_training import (
    SOME_EACH,
    Make,
    Trace,
    add_drawn_role,
    drawn_examples,
    fresh_base,
    make_kto,
    make_ppo,
    make_reward,
    make_sft,
    optimizer,
)
from torch import Tensor

from dajeong.models.adapters import save_role
from dajeong.models.base import Base, load_base
from dajeong.models.checkpointing import checkpoint_layers
from dajeong.models.full import save_full
from dajeong.models.roles import BASE
from dajeong.models.settings import RuntimeSettings
from dajeong.models.whole import whole
from dajeong.storage import write_json
from dajeong.templates import TEMPLATES
from dajeong.training.algorithm import Algorithm, Update
from dajeong.training.critic import VALUE
from dajeong.training.loop import Loop
from dajeong.training.parallel import Parallel, Single, parallel_of
from dajeong.training.settings import SftSettings
from dajeong.training.sft import Sft
from dajeong.workplace import Workplace

STOP_AT, EVERY = 3, 2
"""Who is stopped in update 3 has a checkpoint of update 2."""


class Halt(Exception):
    """Ends a run between two updates, as a kill does."""


def make_full(models: Path, parallel: Parallel | None = None, *, double: bool = False, **changed: Any) -> Sft:
    """SFT of every weight of the base."""
    runtime = RuntimeSettings(device="cpu", dtype="float32")
    base = load_base(str(models / "base"), runtime, train_base=True)
    base.model.double() if double else None
    values = {"updates": 3, "tokens_per_update": 160, "tokens_per_micro_batch": 40}
    settings = SftSettings(**(values | {"optimizer": optimizer(learning_rate=1e-3), "lora": None}))
    return Sft(base.model, BASE, drawn_examples(), settings, settings.optimizer, 3, parallel)


def make_value_only(models: Path, parallel: Parallel | None = None, **changed: Any) -> Any:
    """PPO in which nothing but the critic moves."""
    algorithm = make_ppo(models, parallel, **changed)
    updates = algorithm.updates

    def held() -> Iterator[Update]:
        for update in updates():
            yield update._replace(trains=frozenset({VALUE}))

    algorithm.updates = held  # type: ignore[method-assign]
    return algorithm


def make_half(models: Path, parallel: Parallel | None = None, *, micro: int = 4096, **changed: Any) -> Sft:
    """SFT of a float32 adapter on a bfloat16 base."""
    base = load_base(str(models / "base"), RuntimeSettings(device="cpu", dtype="bfloat16"))
    add_drawn_role(base, "sft", 21, trainable=True)
    values: dict[str, Any] = {"updates": 3, "tokens_per_update": 160, "tokens_per_micro_batch": micro}
    settings = SftSettings(**values, optimizer=optimizer())
    return Sft(base.model, "sft", drawn_examples(), settings, settings.optimizer, 3, parallel)


def make_offloaded(models: Path, parallel: Parallel | None = None, **changed: Any) -> Sft:
    """SFT whose parts lie in main memory."""
    if parallel:
        parallel.runtime(RuntimeSettings(device="cpu", offload="base", checkpointing=True))
    return make_sft(models, parallel, **changed)


def checkpointed(algorithm: Algorithm) -> Algorithm:
    for model in algorithm.models.values():
        checkpoint_layers(model.trunk, model.forward_state)
    return algorithm


class Case:
    """One algorithm in one precision, with or without gradient checkpointing."""

    def __init__(self, name: str, make: Make, double: bool, recomputes: bool = False) -> None:
        self.name, self.make, self.double, self.recomputes = name, make, double, recomputes

    @property
    def folder(self) -> str:
        return f"{self.name}-{64 if self.double else 32}{'-recomputed' if self.recomputes else ''}"

    def algorithm(self, models: Path, parallel: Parallel | None = None) -> Algorithm:
        micro = {"micro": SOME_EACH[self.name]} if self.name in SOME_EACH and parallel else {}
        made = self.make(models, parallel, double=self.double, **micro)
        return checkpointed(made) if self.recomputes else made


THREE = {"sft": make_sft, "reward": make_reward, "ppo": make_ppo}
RECOMPUTED = [Case(name, make, True, recomputes=True) for name, make in THREE.items()]
PLAIN = [Case(name, make, False) for name, make in THREE.items()]
OTHERS = [Case("kto", make_kto, True), Case("full", make_full, True), Case("value", make_value_only, True)]
IN_FLOAT32 = [  # DeepSpeed keeps what trains in float32, whatever the model
    Case(case.name, case.make, False, case.recomputes) for case in (*RECOMPUTED, *PLAIN, *OTHERS[1:])
]
PLACED = [Case("half", make_half, False), Case("offloaded", make_offloaded, True)]
PLACED_FLOAT32 = [Case(case.name, case.make, False) for case in PLACED]
CASES = {
    "ddp": [*RECOMPUTED, OTHERS[-1]],  # the rest of it is in ddp_child.py
    "fsdp2": [*PLAIN, *RECOMPUTED, *PLACED, *OTHERS],
    "zero2": IN_FLOAT32,
    "zero3": [*(IN_FLOAT32[place] for place in (0, 2, 4)), *PLACED_FLOAT32, *IN_FLOAT32[6:]],
}


@contextmanager
def precision(double: bool) -> Iterator[None]:
    """Float64 all the way: where the code says `.float()`, it gets a double."""
    narrow = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double if double else narrow  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.float = narrow  # type: ignore[method-assign]


def compare(way: str, models: Path, answers: Path, parallel: Parallel) -> None:
    for case in CASES[way]:
        with precision(case.double):
            folder = answers / case.folder
            trace = Trace(case.algorithm(models, parallel), folder, parallel)
            keep(folder, parallel, before=trace.before, gradients=trace.gradients, after=trace.after)
            if parallel.rank == 0:
                write_json(folder / "journal.json", trace.journal)
            parallel.runtime(RuntimeSettings(device="cpu"))


def keep(folder: Path, parallel: Parallel, **parts: dict[str, Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in parts.items():
        path = folder / f"{name}-{parallel.rank}.safetensors"
        save_file({key: tensor.clone() for key, tensor in tensors.items()}, path)


def sampled(models: Path, answers: Path, parallel: Parallel) -> None:
    """PPO whose replies are drawn, of unlike lengths: one process has more forwards than the other."""
    trace = Trace(make_ppo(models, parallel, native=True), answers / "sampled", parallel)
    keep(answers / "sampled", parallel, after=trace.after)
    if parallel.rank == 0:
        write_json(answers / "sampled" / "journal.json", trace.journal)


def saved(models: Path, answers: Path, parallel: Parallel) -> None:
    """An adapter and a whole model that both processes trained, written by the first of them."""
    template, write = TEMPLATES["koalpaca"], parallel.rank == 0
    folder = answers / "saved"
    algorithm = make_sft(models, parallel)
    trace = Trace(algorithm, folder / "run", parallel)
    model = algorithm.models["main"]
    base = Base(model, fresh_base(models).tokenizer, str(models / "base"))
    save_role(base, "sft", folder / "sft", template, write=write)
    keep(folder, parallel, after=trace.after, hidden={"hidden": hidden_of(model, "sft")})
    full = make_full(models, parallel)
    Trace(full, folder / "full-run", parallel)
    model = full.models["main"]
    base = Base(model, base.tokenizer, str(models / "base"))
    save_full(base, BASE, folder / "full", template, write=write)
    keep(folder, parallel, full={name: whole(p).clone() for name, p in model.parameters_of(BASE).items()})


def _halt() -> None:
    raise Halt


def begun(case: Case, models: Path, folder: Path, parallel: Parallel) -> None:
    """Leaves a run that was stopped on the way."""
    algorithm = when_done(case.algorithm(models, parallel), STOP_AT, _halt)
    try:
        loop_in(folder, algorithm, parallel).run()
    except Halt:
        parallel.gather([])  # the checkpoint is whole before anybody looks for it


def ended(case: Case, models: Path, folder: Path, parallel: Parallel) -> dict[str, Tensor]:
    """Goes on with a run that was stopped; its weights at the end."""
    loop = loop_in(folder, case.algorithm(models, parallel), parallel)
    loop.run()
    kept, prefix = loop.optimizer.tensors(), "parameter/"
    return {n.removeprefix(prefix): t for n, t in kept.items() if n.startswith(prefix)}


def loop_in(folder: Path, algorithm: Algorithm, parallel: Parallel) -> Loop:
    return Loop(algorithm, Workplace(run=folder, name="step", seed=3), parallel, EVERY, {})


def resumed(models: Path, answers: Path, parallel: Parallel) -> None:
    """A run that two began, for one to end; one that one began, ended by two; and one that two do alone."""
    for case in stopped(parallel.name):
        with precision(case.double):
            begun(case, models, answers / "two-begin" / case.name, parallel)
            for place in ("one-begins", "two-all-along"):
                folder = answers / place / case.name
                if place == "two-all-along":
                    begun(case, models, folder, parallel)
                keep(folder, parallel, after=ended(case, models, folder, parallel))


def run(way: str, models: Path, answers: Path) -> None:
    parallel = parallel_of(way)
    assert parallel.name == way and parallel.world == 2
    compare(way, models, answers, parallel)
    if way != "ddp":
        sampled(models, answers, parallel)
        saved(models, answers, parallel)
    resumed(models, answers, parallel)


def stopped(way: str) -> list[Case]:
    """The cases that are stopped on the way."""
    double = way not in ("zero2", "zero3")
    return [Case(n, make, double) for n, make in THREE.items() if n == "ppo" or way != "zero3"]


def one_begins(models: Path, answers: Path) -> None:
    """What one process leaves to two."""
    for case in stopped(answers.name):
        with precision(case.double):
            begun(case, models, answers / "one-begins" / case.name, Single())


def main() -> None:
    models, answers = map(Path, sys.argv[1:3])
    for way in sys.argv[3:]:
        run(way, models, answers / way)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
