"""AdamW by role: the schedule, the clipping, what does not move, and state that goes out and in unchanged."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_training import optimizer as settings
from small_training import same_bytes
from torch import Tensor, nn

from dajeong.errors import UsageProblem
from dajeong.training.optimizer import Optimizer, rate_at, refuse_all_warmup
from dajeong.training.settings import OptimizerSettings

ROLES = {"policy": settings(), "value": settings(learning_rate=2e-2, max_grad_norm=0.5, weight_decay=0.1)}


def made(roles: Mapping[str, OptimizerSettings] = ROLES) -> Optimizer:
    generator = torch.Generator().manual_seed(0)
    parameters = {
        role: {
            name: nn.Parameter(torch.randn(*shape, generator=generator, dtype=torch.float64))
            for name, shape in {"A": (3, 4), "B": (4, 2), "score": (1, 5)}.items()
        }
        for role in roles
    }
    return Optimizer(parameters, roles)


def push(optimizer: Optimizer, seed: int, size: float = 1.0) -> dict[str, float]:
    """Gradients of one update; returns each role's norm."""
    generator = torch.Generator().manual_seed(seed)
    norms = {}
    for role, owned in optimizer.parameters.items():
        for parameter in owned.values():
            parameter.grad = size * torch.randn(*parameter.shape, generator=generator, dtype=torch.float64)
        norms[role] = math.sqrt(
            sum(float(p.grad.square().sum()) for p in owned.values() if p.grad is not None)
        )
    return norms


def copied(optimizer: Optimizer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in optimizer.tensors().items()}


# --- schedule


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(["cosine", "linear", "constant"]))
def test_the_rate_rises_then_falls_to_its_share(progress: float, schedule: str) -> None:
    given_settings = settings(learning_rate=1.0, warmup_ratio=0.25, schedule=schedule, final_ratio=0.1)
    rate = rate_at(progress, given_settings)
    if progress < 0.25:
        assert rate == pytest.approx(progress / 0.25)
        return
    done = (progress - 0.25) / 0.75
    falls = {"constant": 1.0, "linear": 1 - 0.9 * done, "cosine": 0.1 + 0.45 * (1 + math.cos(math.pi * done))}
    assert rate == pytest.approx(falls[schedule])
    assert 0.1 - 1e-12 <= rate <= 1.0


def test_the_peak_follows_the_warm_up_at_once_and_the_end_is_near_the_final_share() -> None:
    given_settings = settings(learning_rate=2.0, warmup_ratio=0.1, schedule="cosine", final_ratio=0.2)
    rates = [rate_at(update / 100, given_settings) for update in range(100)]
    assert rates[10] == max(rates) == 2.0
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize(("updates", "ratio"), [(2, 0.5), (10, 0.9), (100, 0.05), (5, 0.0)])
def test_a_run_that_reaches_its_peak_may_start(updates: int, ratio: float) -> None:
    refuse_all_warmup(updates, settings(warmup_ratio=ratio), "sft")
    assert (
        max(rate_at(u / updates, settings(warmup_ratio=ratio)) for u in range(updates))
        == settings().learning_rate
    )


@pytest.mark.parametrize(("updates", "ratio"), [(2, 0.6), (10, 0.95), (3, 0.99)])
def test_a_run_that_would_be_all_warm_up_is_refused(updates: int, ratio: float) -> None:
    with pytest.raises(UsageProblem) as caught:
        refuse_all_warmup(updates, settings(warmup_ratio=ratio), "sft")
    assert caught.value.code == "all-warmup"
    rates = [rate_at(u / updates, settings(warmup_ratio=ratio)) for u in range(updates)]
    assert max(rates) < settings().learning_rate


# --- steps


def test_a_step_is_torchs_own_on_gradients_clipped_by_role() -> None:
    ours = made()
    twins = {
        role: [p.detach().clone().requires_grad_() for p in owned.values()]
        for role, owned in ours.parameters.items()
    }
    theirs = {
        role: torch.optim.AdamW(
            twin,
            lr=ROLES[role].learning_rate,
            weight_decay=ROLES[role].weight_decay,
            betas=ROLES[role].betas,
            eps=ROLES[role].epsilon,
        )
        for role, twin in twins.items()
    }
    for update, size in enumerate((0.01, 1.0, 30.0)):
        norms = push(ours, update, size)
        for role, twin in twins.items():
            factor = min(1.0, ROLES[role].max_grad_norm / (norms[role] + 1e-6))
            for parameter, own in zip(twin, ours.parameters[role].values(), strict=True):
                assert own.grad is not None
                parameter.grad = own.grad * factor
            theirs[role].step()
        found, rates = ours.step(0.0, ROLES)
        assert found == pytest.approx(norms) and rates == {r: s.learning_rate for r, s in ROLES.items()}
    for role, twin in twins.items():
        for parameter, own in zip(twin, ours.parameters[role].values(), strict=True):
            assert torch.allclose(parameter, own, rtol=1e-10, atol=1e-12)
            assert own.grad is None, "gradients are gone after a step"


@pytest.mark.parametrize("moving", ["policy", "value"])
def test_a_role_that_does_not_train_keeps_its_bytes(moving: str) -> None:
    optimizer = made()
    before = copied(optimizer)
    push(optimizer, 0)
    _, rates = optimizer.step(0.0, [moving])
    after = optimizer.tensors()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) != name.startswith(f"parameter/{moving}")
    assert {role for role, rate in rates.items() if rate} == {moving}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nothing_moves_on_a_gradient_that_is_not_finite(bad: float) -> None:
    optimizer = made()
    push(optimizer, 0)
    optimizer.step(0.0, ROLES)
    before = copied(optimizer)
    push(optimizer, 1)
    gradient = optimizer.parameters["value"]["B"].grad
    assert gradient is not None
    gradient[1, 1] = bad
    norms, _ = optimizer.step(0.0, ROLES)
    assert not math.isfinite(norms["value"]) and math.isfinite(norms["policy"])
    assert same_bytes(before, optimizer.tensors()), "neither a parameter nor a moment, of either role"


# --- state


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_what_was_restored_goes_on_as_if_nothing_had_been(steps: int) -> None:
    straight, resumed = made(), made()
    for update in range(steps):
        push(straight, update)
        straight.step(update / 10, ROLES)
    resumed.restore(copied(straight))
    assert same_bytes(straight.tensors(), resumed.tensors())
    for update in range(steps, steps + 3):
        for optimizer in (straight, resumed):
            push(optimizer, update)
            optimizer.step(update / 10, ROLES)
    assert same_bytes(straight.tensors(), resumed.tensors())


def test_what_is_kept_is_named_by_role() -> None:
    optimizer = made()
    push(optimizer, 0)
    optimizer.step(0.0, ROLES)
    parts = {"parameter", "step", "exp_avg", "exp_avg_sq"}
    names = {f"{part}/{role}/{name}" for part in parts for role in ROLES for name in ("A", "B", "score")}
    assert set(optimizer.tensors()) == names


def test_a_name_that_is_not_there_is_refused() -> None:
    kept = copied(made())
    del kept["parameter/value/score"]
    with pytest.raises(KeyError):
        made().restore(kept)
