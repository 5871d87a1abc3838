"""What each setting of PPO changes, against numbers by hand; and that what it remembers goes on as it was."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as sampled
from hypothesis import strategies as st
from loop_parts import loop_of, when_done
from ppo_parts import gradients, moved_away, ready
from pydantic import ValidationError
from safetensors.torch import load_file
from small_training import (
    Trace,
    assert_close_gradients,
    assert_close_parameters,
    bytes_of,
    drawn_examples,
    fresh_base,
    optimizer,
    ppo_settings,
    same_bytes,
)
from torch import Tensor

from dajeong.models.adapters import load_role
from dajeong.models.layout import Sequence_, pack
from dajeong.models.logprobs import token_logprobs
from dajeong.templates import TEMPLATES
from dajeong.training.advantages import divergence, explained_variance
from dajeong.training.critic import VALUE
from dajeong.training.kl_control import KlControl
from dajeong.training.losses import clipped_policy
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_settings import AdaptiveKlSettings
from dajeong.training.rollouts import POLICY
from dajeong.training.shaping import Running

EVERY: dict[str, dict[str, Any]] = {
    "role": {
        "adaptive_kl": {"target": 0.5, "gain": 0.5},
        "kl_estimator": "k3",
        "normalise": "running",
        "reward_clip": None,
        "num_examples": 12,
        "ptx_tokens_per_update": 64,
        "ema": 0.9,
        "value_warmup": 0.4,
        "entropy": 0.05,
        "dual_clip": 3.0,
        "replies_per_prompt": 2,
        "prompts_per_update": 8,
    },
    "head": {
        "critic": "head",
        "length": {"weight": 0.5, "longest": 1, "slack": 6},
        "rules": {"proper": 0.2},
        "target_kl": 1e-4,
        "epochs": 3,
    },
    "model": {
        "critic": "model",
        "normalise": "none",
        "combine": "min",
        "kl_estimator": "k2",
        "num_examples": 4,
    },
}
"""Settings that between them give PPO all that it may have to remember."""
MICRO = 60


def flat(trace: Trace) -> list[dict[str, Any]]:
    return [line for line in trace.journal if line["event"] != "sample"]


def rollouts_of(trace: Trace, event: str = "rollout") -> list[dict[str, Any]]:
    return [line for line in trace.journal if line["event"] == event]


# --- everything goes on to the bit, and does not depend on how it is cut


class Killed(BaseException):
    pass


def kill() -> None:
    raise Killed


@pytest.mark.parametrize("name", EVERY)
def test_what_is_remembered_goes_on_to_the_bit(models: Path, tmp_path: Path, name: str) -> None:
    """Seen to fail without `average`, `kl`, `shaping` and `ptx` in the state, one after another."""
    changed = {"updates": 3, "mini_batches": 1, **EVERY[name]}
    whole = Trace(ready(models, **changed), tmp_path / "whole")
    last = whole.loop.update
    with pytest.raises(Killed):
        loop_of(when_done(ready(models, **changed), last - 1, kill), tmp_path / "killed", every=2).run()
    resumed = Trace(ready(models, **changed), tmp_path / "killed", every=2)
    assert same_bytes(whole.tensors, resumed.tensors) and whole.journal == resumed.journal
    one, other = (trace.loop.algorithm.state() for trace in (whole, resumed))
    assert same_bytes(one.tensors, other.tensors) and one.values == other.values


@pytest.mark.parametrize("name", EVERY)
def test_many_micro_batches_are_one_whatever_is_learned(
    models: Path, tmp_path: Path, wide: None, name: str
) -> None:
    changed = {"updates": 2, "mini_batches": 1, "double": True, **EVERY[name]}
    whole = Trace(ready(models, **changed), tmp_path / "whole")
    parts = Trace(ready(models, micro=MICRO, **changed), tmp_path / "parts")
    assert max(parts.num_micro_batches) > max(whole.num_micro_batches)
    assert_close_gradients(whole.gradients, parts.gradients, 1e-9)
    assert_close_parameters(whole, parts.after, 1e-8)


# --- divergence: estimators and weight

ROWS = st.lists(st.tuples(st.floats(-4, 0), st.floats(-4, 0)), min_size=1, max_size=8)


@given(ROWS)
def test_k2_and_k3_are_never_negative_and_k1_is_the_log_ratio(rows: list[tuple[float, float]]) -> None:
    logs, reference = torch.tensor(rows, dtype=torch.float64).unbind(1)
    assert divergence(logs, reference, "k1").tolist() == [a - b for a, b in rows]
    assert divergence(logs, reference, "k2").tolist() == pytest.approx([(a - b) ** 2 / 2 for a, b in rows])
    third = divergence(logs, reference, "k3")
    assert bool((third >= -1e-12).all()), "but for rounding"
    assert third.tolist() == pytest.approx([math.expm1(b - a) + a - b for a, b in rows], abs=1e-12)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_the_estimator_enters_the_returns(models: Path, estimator: str) -> None:
    """With γ and λ 1 the first return of a reply is all its rewards, a sum by hand."""
    algorithm = ready(models, kl=0.3, kl_estimator=estimator, lam=1.0)
    with moved_away(algorithm.base):
        buffer = algorithm.experience(1)
    for e in buffer:
        gaps = (e.columns["logprobs"] - e.columns["reference"]).double().tolist()
        each = {
            "k1": gaps,
            "k2": [gap * gap / 2 for gap in gaps],
            "k3": [math.expm1(-gap) + gap for gap in gaps],
        }
        expected = e.score - 0.3 * math.fsum(each[estimator])
        assert float(e.columns["returns"][0]) == pytest.approx(expected, abs=1e-3)


def test_the_weight_follows_its_target_within_bounds() -> None:
    """Ziegler et al. 2019: 10 % of an error that counts as at most 20 %."""
    control = KlControl(0.1, AdaptiveKlSettings(target=6.0))
    found = []
    for kl in (6.0, 6.6, 60.0, 0.0, 5.4):
        control.follow(kl)
        found.append(control.weight)
    factors = (1, 1.01, 1.02, 0.98, 0.99)
    expected = [0.1 * math.prod(factors[: n + 1]) for n in range(5)]
    assert found == pytest.approx(expected, rel=1e-12)
    fixed = KlControl(0.1)
    fixed.follow(1000.0)
    assert fixed.weight == 0.1


def test_each_rollout_pays_the_weight_that_the_one_before_left(models: Path, tmp_path: Path) -> None:
    trace = Trace(ready(models, updates=4, kl=0.2, **{"adaptive_kl": {"target": 0.5, "gain": 0.5}}), tmp_path)
    kls = [line["kl"] for line in rollouts_of(trace)]
    weight, expected = 0.2, []
    for kl in kls:
        expected.append(weight)
        weight *= 1 + 0.5 * max(-0.2, min(0.2, kl / 0.5 - 1))
    assert [line["kl_weight"] for line in rollouts_of(trace, "credit")] == pytest.approx(expected)
    assert len(set(expected)) == 4


# --- rewards


@sampled(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.floats(-50, 50), min_size=1, max_size=6), min_size=1, max_size=5))
def test_running_statistics_are_those_of_all_numbers(parts: list[list[float]]) -> None:
    running = Running()
    for part in parts:
        running.take(part)
    every = torch.tensor([number for part in parts for number in part], dtype=torch.float64)
    assert running.mean == pytest.approx(float(every.mean()), abs=1e-9)
    if len(every) > 1 and float(every.std()) > 1e-6:
        assert running.deviation == pytest.approx(float(every.std()), rel=1e-6)
    elif len(every) == 1:
        assert running.deviation == 1.0


def test_normalisation_by_all_rollouts_so_far_or_not_at_all(models: Path) -> None:
    raw: dict[str, list[float]] = {"reward-kind": [], "reward-firm": []}
    running = ready(models, normalise="running", reward_clip=None)
    for rollout in (0, 1):
        buffer = running.experience(rollout)
        for name, numbers in raw.items():
            numbers += [e.rewards[name] for e in buffer]
    for e in buffer:
        expected = 0.0 if e.ended else -1.0
        for weight, (name, numbers) in zip((1.0, 0.5), raw.items(), strict=True):
            every = torch.tensor(numbers, dtype=torch.float64)
            expected += weight * (e.rewards[name] - float(every.mean())) / float(every.std())
        assert e.score == pytest.approx(expected, abs=1e-6)
    plain = ready(models, normalise="none", reward_clip=None)
    for e in plain.experience(0):
        penalty = 0.0 if e.ended else 1.0
        assert e.score == pytest.approx(e.rewards["reward-kind"] + 0.5 * e.rewards["reward-firm"] - penalty)
    values = plain.critic.values(plain.base.model(pack([Sequence_([5, 6], VALUE, value_at=[1])])))
    assert torch.equal(values, plain.base.model(pack([Sequence_([5, 6], VALUE, value_at=[1])])).values[VALUE])


def test_the_worst_of_an_ensemble_counts_for_all(models: Path) -> None:
    algorithm = ready(models, combine="min", missing_eos_penalty=0.0)
    parts = algorithm.rollouts.shaping.parts
    for e in algorithm.experience(0):
        each = [(e.rewards[name] - part.mean) / part.deviation for name, part in parts.items()]
        assert e.score == pytest.approx(1.5 * min(each), abs=1e-6)


@pytest.mark.parametrize(
    ("length", "of"),
    [
        ({"weight": 0.5, "longest": 3, "slack": 2}, lambda n: -min(1.0, max(0, n - 3) / 2)),
        ({"weight": 0.5, "longest": 1, "slack": 6}, lambda n: -min(1.0, (n - 1) / 6)),
    ],
    ids=["soft-overlong", "linear"],
)
def test_length_costs_what_it_says(models: Path, length: dict[str, Any], of: Any) -> None:
    """DAPO's soft punishment, and a penalty that is linear from the first token on; in the journal, too."""
    with_length, without = ready(models, length=length), ready(models)
    pairs = list(zip(with_length.experience(0), without.experience(0), strict=True))
    for one, two in pairs:
        assert one.rewards["length"] == pytest.approx(of(len(one.reply)))
        assert one.score - two.score == pytest.approx(0.5 * of(len(one.reply)), abs=1e-6)
    assert len({one.rewards["length"] for one, _ in pairs}) > 2
    (line,) = [note for note in with_length.notes if note.event == "rollout"]
    mean = sum(one.rewards["length"] for one, _ in pairs) / len(pairs)
    assert line.values["raw/length"] == pytest.approx(mean)


def test_rules_are_rewards_and_stand_in_the_journal(models: Path) -> None:
    with_rules, without = ready(models, rules={"proper": 2.0}), ready(models)
    pairs = list(zip(with_rules.experience(0), without.experience(0), strict=True))
    for one, two in pairs:
        assert one.score - two.score == pytest.approx(2.0 * one.rewards["rule-proper"], abs=1e-6)
    (line,) = [note for note in with_rules.notes if note.event == "rollout"]
    assert {"raw/reward-kind", "raw/reward-firm", "raw/rule-proper"} <= line.values.keys()


# --- replies


def test_several_replies_to_a_prompt_stand_side_by_side(models: Path) -> None:
    several = ready(models, replies_per_prompt=3, prompts_per_update=4)
    buffer = several.experience(0)
    assert len(buffer) == 12
    chosen = [prompt.ids for prompt in several.rollouts.chosen(0)]
    assert [e.prompt for e in buffer] == [ids for ids in chosen for _ in range(3)]
    assert all(len({tuple(e.reply) for e in buffer[at : at + 3]}) > 1 for at in range(0, 12, 3))


# --- losses


def test_dual_clip_bounds_what_a_bad_token_costs() -> None:
    """Ye et al. 2020, eq. 5: only where A < 0, only above c; there the gradient is 0."""
    old = torch.zeros(4)
    logs = torch.tensor([2.0, 0.5, 2.0, -1.0], requires_grad=True)
    advantages = torch.tensor([-1.0, -1.0, 1.0, -1.0])
    each = [
        float(clipped_policy(log, zero, a, 0.2, dual=3.0))
        for log, zero, a in zip(logs.detach().split(1), old.split(1), advantages.split(1), strict=True)
    ]
    assert each == pytest.approx([3.0, math.exp(0.5), -1.2, 0.8])
    clipped_policy(logs, old, advantages, 0.2, dual=3.0).backward()
    assert logs.grad is not None and logs.grad.tolist() == pytest.approx([0.0, math.exp(0.5), 0.0, 0.0])


def test_the_entropy_has_its_gradient(wide: None) -> None:
    """Against −Σ p log p written out, token by token, through the head and what it reads."""
    torch.manual_seed(0)
    head = torch.nn.Linear(6, 9, bias=False).double()
    hidden = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 3, 8, 1, 1])
    entropy = token_logprobs(hidden, head, targets, 0.7, True)[1]
    assert entropy is not None
    logs = (head(hidden) / 0.7).log_softmax(-1)
    direct = -(logs.exp() * logs).sum(-1)
    assert torch.allclose(entropy, direct)
    (one,) = torch.autograd.grad(entropy.sum(), hidden, retain_graph=True)
    (other,) = torch.autograd.grad(direct.sum(), hidden)
    assert torch.allclose(one, other) and bool(one.any())


def test_a_bonus_raises_the_entropy(models: Path, tmp_path: Path) -> None:
    ends = []
    for weight in (0.0, 0.5):
        algorithm = ready(models, updates=3, entropy=weight, kl=0.0, optimizer=optimizer(learning_rate=2e-2))
        ends.append(rollouts_of(Trace(algorithm, tmp_path / str(weight)))[-1]["entropy"])
    assert ends[1] > ends[0] + 0.01


# --- early stop


def test_a_policy_that_has_gone_far_leaves_the_rest_of_its_rollout(models: Path, tmp_path: Path) -> None:
    changed = {"updates": 2, "epochs": 3, "mini_batches": 1}
    strict = Trace(ready(models, target_kl=1e-9, **changed), tmp_path / "strict")
    loose = Trace(ready(models, target_kl=1e9, **changed), tmp_path / "loose")
    plain = Trace(ready(models, **changed), tmp_path / "plain")
    assert (strict.loop.update, loose.loop.update, plain.loop.update) == (4, 6, 6)
    assert same_bytes(loose.tensors, plain.tensors)
    stops = rollouts_of(strict, "early_stop")
    assert [(line["rollout"], line["steps"], line["of"]) for line in stops] == [(1, 2, 3), (2, 2, 3)]
    assert len(rollouts_of(strict)) == 2, "the number of rollouts stays"
    first = [line["loss"]["approx_kl"] for line in flat(strict) if line["event"] == "update"]
    assert first[0] == pytest.approx(0, abs=1e-9) and first[1] > 1e-9


# --- examples beside the replies


def test_examples_add_their_own_gradient_and_nothing_else(models: Path, wide: None) -> None:
    """The sum of PPO's gradient and of weight × the mean −log p of the examples, read by the policy alone and
    at temperature 1, though the rollouts have .8.
    """
    chosen: dict[str, Any] = {"double": True, "mini_batches": 1}
    beside = ready(models, num_examples=6, ptx_weight=0.7, ptx_tokens_per_update=400, **chosen)
    plain = ready(models, **chosen)
    together = gradients(beside, ["policy", "value", "ptx"])
    apart = gradients(plain, ["policy", "value"])
    assert beside.ptx is not None
    examples, model = beside.ptx.now(), plain.base.model
    assert sorted(map(len, (e.ids for e in examples))) == sorted(len(e.ids) for e in drawn_examples(6))
    model.zero_grad()
    logs = model(pack([Sequence_(e.ids, POLICY, e.learn) for e in examples])).logprobs
    (-0.7 * logs.mean()).backward()
    for name, parameter in model.parameters_of(POLICY).items():
        assert parameter.grad is not None
        apart[f"main/{POLICY}/{name}"] += parameter.grad
    assert_close_gradients(together, apart, 1e-9)


def test_examples_keep_what_was_learned_before(models: Path, tmp_path: Path) -> None:
    losses = []
    for weight in (1e-6, 5.0):
        changed = {"ptx_weight": weight, "ptx_tokens_per_update": 400, "num_examples": 8}
        trace = Trace(ready(models, updates=3, **changed), tmp_path / str(weight))
        losses.append([line["loss"]["ptx"] for line in flat(trace) if line["event"] == "update"])
    assert losses[0][0] == pytest.approx(losses[1][0]) and losses[1][-1] < losses[0][-1] - 0.1


# --- a second copy of the policy


def test_the_average_is_the_sum_of_all_policies_so_far(models: Path, tmp_path: Path) -> None:
    """Against c ← d·c + (1 − d)·π over the policies of a run that is watched."""
    seen: list[dict[str, Tensor]] = []
    algorithm = ready(models, ema=0.8)
    weights = algorithm.base.model.parameters_of(POLICY)
    seen.append({name: weight.detach().clone() for name, weight in weights.items()})
    for update in range(1, algorithm.num_updates + 1):
        when_done(
            algorithm,
            update,
            lambda: seen.append({name: weight.detach().clone() for name, weight in weights.items()}),
        )
    Trace(algorithm, tmp_path)
    assert len(seen) == 9 and algorithm.average is not None
    expected = seen[0]
    for policy in seen[1:]:
        expected = {name: 0.8 * expected[name] + 0.2 * policy[name] for name in expected}
    for name, tensor in algorithm.average.tensors.items():
        assert torch.allclose(tensor, expected[name], atol=1e-6)
        assert not torch.equal(tensor, seen[-1][name])


def test_a_copy_is_an_adapter_of_its_own(models: Path, tmp_path: Path) -> None:
    base = fresh_base(models)
    load_role(base.model, POLICY, models / "sft", trainable=True)
    copy = RoleCopy(base.model, POLICY)
    weights = base.model.parameters_of(POLICY)
    before = {name: bytes_of(weight) for name, weight in weights.items()}
    with torch.no_grad():
        for weight in weights.values():
            weight.mul_(3)
    after = {name: bytes_of(weight) for name, weight in weights.items()}
    copy.save(base, tmp_path / "copy", TEMPLATES["koalpaca"])
    assert {name: bytes_of(weight) for name, weight in weights.items()} == after
    again = fresh_base(models)
    load_role(again.model, POLICY, tmp_path / "copy")
    found = {name: bytes_of(weight) for name, weight in again.model.parameters_of(POLICY).items()}
    assert found == before
    assert load_file(tmp_path / "copy" / "adapter_model.safetensors")


# --- critics


@pytest.mark.parametrize("critic", ["role", "head", "model"])
def test_whose_trunk_the_value_loss_moves(models: Path, critic: str) -> None:
    """Only a guest of the policy pulls at the policy's adapter."""
    found = gradients(ready(models, critic=critic, mini_batches=1), ["value"])
    policy = [name for name in found if f"/{POLICY}/" in name and found[name].any()]
    value = [name for name in found if f"/{VALUE}/" in name and found[name].any()]
    assert bool(policy) == (critic == "head")
    assert value and all(name.startswith("apart/" if critic == "model" else "main/") for name in value)
    assert len(value) == (1 if critic == "head" else len(value)) and any("score" in name for name in value)


def test_a_critic_on_a_second_base_starts_as_the_one_beside_the_policy(models: Path) -> None:
    beside, apart = ready(models), ready(models, critic="model")
    for one, other in zip(beside.experience(0), apart.experience(0), strict=True):
        assert torch.allclose(one.columns["values"], other.columns["values"], atol=1e-5)
    here, there = (gradients(each, ["value"]) for each in (beside, apart))
    own = {name: gradient for name, gradient in here.items() if f"/{VALUE}/" in name}
    moved = {name: there[name.replace("main/", "apart/")] for name in own}
    assert_close_gradients(own, moved, 1e-4)
    assert VALUE not in apart.base.model.heads and apart.critic.apart is not apart.base.model


def test_a_head_on_the_policy_reads_the_policy(models: Path) -> None:
    algorithm = ready(models, critic="head")
    model = algorithm.base.model
    for e in algorithm.experience(0)[:4]:
        batch = pack([Sequence_(e.ids, POLICY)])
        with torch.no_grad():
            hidden = model.hidden(batch.ids, batch.positions, batch.layout)[0]
            values = (hidden @ model.score(VALUE)[0])[len(e.prompt) - 1 : -1]
        assert torch.allclose(e.columns["values"], values, atol=1e-4)


def test_the_policy_waits_until_the_critic_is_warm(models: Path, tmp_path: Path) -> None:
    algorithm = ready(models, updates=4, value_warmup=0.5)
    model, start = algorithm.base.model, {}
    start = {name: bytes_of(weight) for name, weight in model.parameters_of(POLICY).items()}
    at: dict[int, bool] = {}
    for update in range(1, 17):
        when_done(
            algorithm,
            update,
            lambda update=update: at.update(
                {update: start == {n: bytes_of(w) for n, w in model.parameters_of(POLICY).items()}}
            ),
        )
    trace = Trace(algorithm, tmp_path)
    assert [at[update] for update in sorted(at)] == [True] * 8 + [False] * 8
    rates = [line["lr"] for line in flat(trace) if line["event"] == "update"]
    assert [rate[POLICY] > 0 for rate in rates] == [False] * 8 + [True] * 8 and all(r[VALUE] for r in rates)


def test_explained_variance_is_one_for_who_knows_and_zero_for_who_knows_the_mean() -> None:
    returns = torch.tensor([1.0, 2.0, 6.0])
    assert explained_variance(returns, returns) == 1.0
    assert explained_variance(torch.full((3,), 3.0), returns) == pytest.approx(0.0)
    assert explained_variance(-returns, returns) < 0 and explained_variance(returns, torch.ones(3)) == 0.0


# --- what is refused


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"adaptive_kl": {"target": 1.0}, "kl": 0.0}, "adaptive_kl"),
        ({"adaptive_kl": {"target": 0.0}}, "target"),
        ({"value_warmup": 0.2, "value": 0.0}, "value_warmup"),
        ({"mini_batches": 17}, "mini_batches"),
        ({"dual_clip": 0.5}, "dual_clip"),
        ({"ema": 1.0}, "ema"),
        ({"target_kl": 0.0}, "target_kl"),
        ({"critic": "other"}, "critic"),
        ({"kl_estimator": "k4"}, "kl_estimator"),
        ({"replies_per_prompt": 0}, "replies_per_prompt"),
        ({"decoding": {"temperature": 0}}, "temperature"),
        ({"decoding": {"top_p": 0.9}}, "top_p"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ppo_settings(**changed)


def test_a_short_run_is_never_all_warm_up() -> None:
    for updates in (2, 3, 10):
        for share in (0.0, 0.1, 0.5, 0.99):
            assert ppo_settings(updates=updates, value_warmup=share).warmup_rollouts < updates
