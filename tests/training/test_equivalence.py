"""One update is one update: cut into micro-batches, over processes, with roles together or apart.

Float64 is exact to 1e-10. In float32 the gradients of the first update agree to 1e-5 of each tensor's largest
entry, and parameters after the run to 1e-3 of the largest update.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_training import (
    MAKERS,
    ONE_EACH,
    Scripted,
    Trace,
    assert_close_gradients,
    assert_close_parameters,
    bytes_of,
    drawn_prompts,
    fresh_base,
    make_ppo,
    ppo_base,
    ppo_settings,
    same_bytes,
    watch_ratios,
)

from dajeong.models.adapters import load_role
from dajeong.models.layout import Sequence_, pack
from dajeong.storage import read_json
from dajeong.training.critic import VALUE
from dajeong.training.ppo import Ppo
from dajeong.training.rollouts import POLICY, REFERENCE, Rollouts

PRECISIONS = [32, 64]
GRADIENTS, PARAMETERS = {32: 1e-5, 64: 1e-10}, {32: 1e-3, 64: 1e-10}


@pytest.fixture
def precision(request: pytest.FixtureRequest) -> int:
    if request.param == 64:
        request.getfixturevalue("wide")
    return int(request.param)


def assert_same_diary(one: list[dict[str, Any]], other: list[dict[str, Any]], relative: float) -> None:
    assert [line["event"] for line in one] == [line["event"] for line in other]
    for mine, theirs in zip(one, other, strict=True):
        for key in ("loss", "grad_norm", "lr"):
            if key in mine:
                assert theirs[key] == pytest.approx(mine[key], rel=relative, abs=relative), mine


# --- micro-batches


@pytest.mark.parametrize("precision", PRECISIONS, indirect=True)
@pytest.mark.parametrize("name", MAKERS)
def test_many_micro_batches_are_one_batch(models: Path, tmp_path: Path, name: str, precision: int) -> None:
    make, double = MAKERS[name], precision == 64
    whole = Trace(make(models, double=double), tmp_path / "whole")
    parts = Trace(make(models, micro=ONE_EACH, double=double), tmp_path / "parts")
    assert set(whole.num_micro_batches) == {1} and parts.num_micro_batches[0] >= 7
    assert next(iter(whole.gradients.values())).dtype == (torch.float64 if double else torch.float32)
    assert_close_gradients(whole.gradients, parts.gradients, GRADIENTS[precision])
    assert_close_parameters(whole, parts.after, PARAMETERS[precision])
    assert_same_diary(whole.journal, parts.journal, 1e-4 if precision == 32 else 1e-9)


# --- roles


@pytest.mark.parametrize("precision", PRECISIONS, indirect=True)
def test_roles_in_one_forward_answer_as_separate_models(models: Path, precision: int) -> None:
    """What PPO's one scoring forward says of every reply, against a model for each role and reply."""
    algorithm = make_ppo(models, double=precision == 64)
    buffer = algorithm.experience(0)
    scale = algorithm.critic.scale
    close: dict[str, Any] = {"rtol": 0, "atol": 1e-5 if precision == 32 else 1e-10}
    for role, folder in {REFERENCE: "sft", POLICY: "sft", VALUE: "reward-kind"}.items():
        base = fresh_base(models)
        load_role(base.model, role, models / folder)
        if precision == 64:
            base.model.double()
        for e in buffer:
            with torch.no_grad():
                read = Sequence_(e.ids, role, e.learn, e.value_at if role == VALUE else ())
                alone = base.model(pack([read], temperature=0.8))
            if role == VALUE:
                values = (alone.values[role] - scale.reward_mean) / scale.reward_deviation
                assert torch.allclose(values, e.columns["values"], **close)
            else:
                column = "logprobs" if role == POLICY else "reference"
                assert torch.allclose(alone.logprobs, e.columns[column], **close)
    for name in ("reward-kind", "reward-firm"):
        base = fresh_base(models)
        load_role(base.model, name, models / name)
        if precision == 64:
            base.model.double()
        for e in buffer:
            with torch.no_grad():
                alone = base.model(pack([Sequence_(e.ids, name, value_at=[len(e.ids) - 1])]))
            assert e.rewards[name] == pytest.approx(float(alone.values[name]), rel=0, abs=close["atol"])


def test_policy_and_value_learn_together_as_they_do_apart(models: Path, wide: None) -> None:
    """Gradients of the update's one forward over two roles, against a forward of each."""
    gradients = []
    for together in (True, False):
        algorithm = make_ppo(models, double=True)
        (batch,) = next(algorithm.updates()).batches
        model = algorithm.models["main"]
        outputs = model(batch.tokens)
        if together:
            terms = algorithm.loss(outputs, batch)
            (terms["policy"] + terms["value"]).backward()
        else:
            algorithm.loss(outputs, batch)["policy"].backward()
            algorithm.loss(model(batch.tokens), batch)["value"].backward()
        gradients.append(
            {
                f"{role}/{name}": parameter.grad.clone()
                for role in (POLICY, VALUE)
                for name, parameter in model.parameters_of(role).items()
                if parameter.grad is not None
            }
        )
    assert_close_gradients(gradients[0], gradients[1], 1e-10)


# --- the first step of PPO


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 10])
@pytest.mark.parametrize("micro", [16, 100, 300, 8192])
def test_the_divergence_starts_at_zero_to_the_bit(models: Path, count: int, micro: int) -> None:
    base, notes = ppo_base(models)
    settings = ppo_settings(prompts_per_update=count, tokens_per_micro_batch=micro, mini_batches=1)
    algorithm = Ppo(
        Rollouts(base, drawn_prompts(), notes, frozenset({0}), settings, count, Scripted()), settings
    )
    for e in algorithm.experience(0):
        assert bytes_of(e.columns["logprobs"]) == bytes_of(e.columns["reference"])
    (entry,) = [entry for entry in algorithm.notes if entry.event == "rollout"]
    assert entry.values["kl"] == 0.0


def test_the_first_update_starts_from_the_reference(models: Path, tmp_path: Path) -> None:
    algorithm = make_ppo(models, native=True)
    ratios = watch_ratios(algorithm)
    model = algorithm.models["main"]
    reference = {n: bytes_of(p) for n, p in model.parameters_of(REFERENCE).items()}
    assert reference == {n: bytes_of(p) for n, p in model.parameters_of(POLICY).items()}
    trace = Trace(algorithm, tmp_path)
    assert float((ratios[0] - 1).abs().max()) <= 1e-5
    first = trace.journal[0]
    assert first["update"] == 1 and first["loss"]["clip_fraction"] == 0.0
    assert first["loss"]["kl"] == pytest.approx(0, abs=1e-9)
    assert reference == {n: bytes_of(p) for n, p in model.parameters_of(REFERENCE).items()}
    assert reference != {n: bytes_of(p) for n, p in model.parameters_of(POLICY).items()}


# --- two processes


@pytest.mark.parametrize("precision", PRECISIONS, indirect=True)
@pytest.mark.parametrize("name", MAKERS)
def test_two_processes_are_one(
    models: Path, together: Path, tmp_path: Path, name: str, precision: int
) -> None:
    alone = Trace(MAKERS[name](models, double=precision == 64), tmp_path)
    folder = together / f"{name}-{precision}"
    assert_close_gradients(
        alone.gradients, load_file(folder / "gradients-0.safetensors"), GRADIENTS[precision]
    )
    assert_close_parameters(alone, load_file(folder / "after-0.safetensors"), PARAMETERS[precision])
    assert_same_diary(alone.journal, read_json(folder / "journal.json"), 1e-4 if precision == 32 else 1e-9)


def test_both_processes_end_with_the_same_bytes(together: Path) -> None:
    folders = [f"{name}-{precision}" for name in MAKERS for precision in PRECISIONS]
    for folder in (*folders, "sampled", "stopped"):
        one, other = (load_file(together / folder / f"tensors-{rank}.safetensors") for rank in (0, 1))
        assert same_bytes(one, other), folder


def test_two_processes_start_from_the_reference_too(together: Path) -> None:
    journal = read_json(together / "sampled" / "journal.json")
    rollouts = [line for line in journal if line["event"] == "rollout"]
    assert rollouts[0]["kl"] == 0.0 and rollouts[1]["kl"] != 0.0
    ratios = [read_json(together / "sampled" / f"ratios-{rank}.json") for rank in (0, 1)]
    assert all(ratios), "both had tokens to learn from"
    assert max(abs(ratio - 1) for mine in ratios for ratio in mine) <= 1e-5


def test_a_signal_to_one_process_stops_both_after_the_same_update(together: Path) -> None:
    told = [read_json(together / f"stopped-{rank}.json") for rank in (0, 1)]
    assert told == [{"code": 143, "update": 3}] * 2
    straight = load_file(together / "sampled" / "tensors-0.safetensors")
    assert same_bytes(straight, load_file(together / "stopped" / "tensors-0.safetensors")), (
        "and they go on as one"
    )
    assert read_json(together / "sampled" / "journal.json") == read_json(
        together / "stopped" / "journal.json"
    )
