"""Two processes are one, in every way to share a training: what parallel_child.py left, against one.

Bounds as in test_equivalence.py: 1e-10 in float64; in float32 gradients 1e-5 of each tensor's largest entry
and parameters 1e-3 of the largest update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from loop_parts import hidden_of
from parallel_child import CASES, Case, ended, precision, stopped
from safetensors.torch import load_file
from small_training import CPU, Trace, assert_close_gradients, bytes_of, fresh_base, same_bytes
from torch import Tensor

from dajeong.models.adapters import load_role
from dajeong.models.base import load_base
from dajeong.models.roles import BASE
from dajeong.storage import read_json
from dajeong.training.parallel import Single
from zero import needs_zero

GRADIENTS, PARAMETERS = {False: 1e-5, True: 1e-10}, {False: 1e-3, True: 1e-10}
pytestmark = pytest.mark.timeout(600)  # of the first test: it starts the pair that all of them read from
WAYS = [*("ddp", "fsdp2"), *(pytest.param(way, marks=needs_zero) for way in ("zero2", "zero3"))]
IN_PARTS = WAYS[1:]


def each(cases: Callable[[str], Sequence[Case]]) -> list[Any]:
    return [
        pytest.param(way, case, marks=needs_zero if way.startswith("zero") else ())
        for way in CASES
        for case in cases(way)
    ]


def named(value: object) -> str:
    return value.folder if isinstance(value, Case) else str(value)


@pytest.fixture(scope="module")
def alone(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    """What one process makes of each case; run when it is first asked for."""
    return {}


def trace_of(alone: dict[str, Trace], case: Case, models: Path, folder: Path) -> Trace:
    name = f"{case.name}-{case.double}"  # what is computed again is computed alike
    if name not in alone:
        with precision(case.double):
            alone[name] = Trace(Case(case.name, case.make, case.double).algorithm(models), folder)
    return alone[name]


def parts(folder: Path, name: str) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"{name}-{rank}.safetensors") for rank in (0, 1)]


def assert_close_after(
    before: dict[str, Tensor], one: dict[str, Tensor], other: dict[str, Tensor], share: float
) -> None:
    largest = max(float((one[name] - before[name]).abs().max()) for name in one)
    assert largest > 0 and one.keys() == other.keys()
    for name, parameter in one.items():
        assert float((parameter - other[name]).abs().max()) <= share * largest, name


@pytest.mark.parametrize(("way", "case"), each(CASES.__getitem__), ids=named)
def test_two_processes_are_one(
    models: Path, shared_ways: dict[str, Path], alone: dict[str, Trace], tmp_path: Path, way: str, case: Case
) -> None:
    one, folder = trace_of(alone, case, models, tmp_path), shared_ways[way] / case.folder
    (before, _), (after, other) = parts(folder, "before"), parts(folder, "after")
    assert same_bytes(before, one.before) and same_bytes(after, other), "the same weights on both"
    assert_close_gradients(one.gradients, parts(folder, "gradients")[0], GRADIENTS[case.double])
    assert_close_after(one.before, one.after, after, PARAMETERS[case.double])
    close = 1e-9 if case.double else 1e-4
    for mine, theirs in zip(one.journal, read_json(folder / "journal.json"), strict=True):
        for key in ("loss", "grad_norm", "lr"):
            if key in mine:
                assert theirs[key] == pytest.approx(mine[key], rel=close, abs=close), mine


@pytest.mark.parametrize("way", WAYS)
def test_E04_who_does_not_train_keeps_its_bytes(shared_ways: dict[str, Path], way: str) -> None:
    folder = shared_ways[way] / CASES[way][-1].folder
    (before, _), (after, _) = (parts(folder, name) for name in ("before", "after"))
    policy = [name for name in before if name.startswith("policy/")]
    value = [name for name in before if name.startswith("value/")]
    assert policy and all(bytes_of(before[name]) == bytes_of(after[name]) for name in policy)
    assert value and all(bytes_of(before[name]) != bytes_of(after[name]) for name in value)


@pytest.mark.parametrize(("way", "case"), each(stopped), ids=named)
def test_a_run_goes_on_with_another_number_of_processes(
    models: Path, shared_ways: dict[str, Path], tmp_path: Path, alone: dict[str, Trace], way: str, case: Case
) -> None:
    """Begun by two and ended by one, begun by one and ended by two; and two that were stopped are two that
    were not."""
    one = trace_of(alone, case, models, tmp_path)
    answers, name = shared_ways[way], case.name
    with precision(case.double):
        here = ended(case, models, answers / "two-begin" / name, Single())
    there = parts(answers / "one-begins" / name, "after")[0]
    for found in (here, there):
        assert_close_after(one.before, one.after, found, PARAMETERS[case.double])
    never = Case(name, case.make, case.double, recomputes=True).folder
    same = (parts(answers / place, "after")[0] for place in (never, f"two-all-along/{name}"))
    assert same_bytes(*same)


@pytest.mark.parametrize("way", [WAYS[1], WAYS[3]])
def test_rollouts_run_in_step_where_replies_are_unlike(
    shared_ways: dict[str, Path], request: pytest.FixtureRequest, way: str
) -> None:
    """The same replies as with whole weights on both processes, though one of them had more to write."""
    whole = shared_ways["zero2"] if way == "zero3" else request.getfixturevalue("together")
    mine, theirs = (
        [
            line
            for line in read_json(place / "sampled" / "journal.json")
            if line["event"] in ("rollout", "sample")
        ]
        for place in (shared_ways[way], whole)
    )
    assert len(mine) == len(theirs) >= 4
    for one, other in zip(mine, theirs, strict=True):
        for key in ("reply", "length", "eos_share"):
            assert one.get(key) == other.get(key)
    assert mine[0]["kl"] == 0.0


@pytest.mark.parametrize("way", IN_PARTS)
def test_X4_what_two_saved_in_parts_one_loads_whole(
    models: Path, shared_ways: dict[str, Path], way: str
) -> None:
    folder = shared_ways[way] / "saved"
    base = fresh_base(models)
    load_role(base.model, "again", folder / "sft")
    hidden = load_file(folder / "hidden-0.safetensors")["hidden"]
    assert torch.allclose(hidden_of(base.model, "again"), hidden, rtol=0, atol=1e-6)
    after = load_file(folder / "after-0.safetensors")
    for name, weight in base.model.parameters_of("again").items():
        assert torch.equal(weight, after[f"sft/main/{name}"])
    full = load_base(str(folder / "full"), CPU)
    for name, weight in load_file(folder / "full-0.safetensors").items():
        assert torch.equal(full.model.parameters_of(BASE)[name], weight)
