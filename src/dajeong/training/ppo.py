"""Proximal policy optimisation of a chat policy (Ouyang et al. 2022, §3.5), four roles on one frozen base.

Reads top to bottom: roll out with `policy`; score with policy, reference, rewards and value in one forward;
turn scores into advantages; learn policy and value in one forward. The reference is the frozen `sft` role, so
KL starts at 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from dajeong.models.layout import TokenOutputs
from dajeong.training.advantages import explained_variance, generalised_advantages, token_rewards, whiten
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.critic import VALUE, Critic
from dajeong.training.experience import Experience, from_state, joined, to_state
from dajeong.training.kl_control import KlControl
from dajeong.training.losses import (
    clip_fraction,
    clipped_policy,
    clipped_value,
    k3,
    negative_log_likelihood,
)
from dajeong.training.ppo_forwards import APART, Forwards
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.ppo_step import critic_of, ptx_of, save_average
from dajeong.training.ptx import Ptx
from dajeong.training.role_copy import RoleCopy
from dajeong.training.rollout_step import learn, opened
from dajeong.training.rollouts import POLICY, Rollouts
from dajeong.workplace import Workplace


class Ppo:
    """Learns roles `policy` and `value` from what the reward roles say of the policy's own replies."""

    def __init__(
        self,
        rollouts: Rollouts,
        settings: PpoSettings,
        critic: Critic | None = None,
        ptx: Ptx | None = None,
    ) -> None:
        """`ptx`: examples that are learned beside the replies, by role `policy`."""
        self.rollouts, self.settings, self.ptx = rollouts, settings, ptx
        self.base = rollouts.base
        self.critic = critic or Critic(next(iter(rollouts.rewards.values())))
        self.models = {"main": self.base.model}
        if self.critic.apart is not None:
            self.models[APART] = self.critic.apart
        self.groups = {POLICY: settings.optimizer, VALUE: settings.value_optimizer or settings.optimizer}
        coefficients: dict[str, float] = {
            "policy": 1.0,
            "value": settings.value,
            "kl": 0.0,
            "clip_fraction": 0.0,
            "entropy": -settings.entropy,
            "approx_kl": 0.0,
            "ptx": settings.ptx_weight,
        }
        asked = {"entropy": settings.entropy, "approx_kl": settings.target_kl, "ptx": ptx}
        self.coefficients = {name: c for name, c in coefficients.items() if asked.get(name, True)}
        self.forwards = Forwards(rollouts, settings, self.critic, ptx, frozenset(self.coefficients))
        self.num_updates = settings.updates * settings.steps_per_rollout
        self.kl = KlControl(settings.kl, settings.adaptive_kl)
        self.average = RoleCopy(self.base.model, POLICY) if settings.ema else None
        self.done = 0
        self.buffer: list[Experience] = []
        self.notes: list[Entry] = []

    # --- what to learn from

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rollout, place = divmod(self.done, self.settings.steps_per_rollout)
            if not self.buffer:
                self.buffer = self.experience(rollout)
            budget = self.settings.tokens_per_micro_batch
            batches = self.forwards.batches(self.buffer, rollout, place, budget)
            trains = {VALUE} if rollout < self.settings.warmup_rollouts else set(self.groups)
            yield Update(batches, frozenset(trains), self.done / self.num_updates)

    def experience(self, rollout: int) -> list[Experience]:
        """Replies to the rollout's prompts, scored and credited; the same on every process."""
        buffer = self.rollouts.experience(rollout, self.critic)
        self._credit(rollout, buffer)
        told = self.rollouts.entries(rollout, buffer)
        self.kl.follow(told[0].values["kl"])
        self.notes = [*told, *self.notes]
        return buffer

    def _credit(self, rollout: int, buffer: Sequence[Experience]) -> None:
        """Score → token rewards → advantages; whitened over all reply tokens of all processes."""
        settings, kl = self.settings, self.kl.weight
        for e in buffer:
            logprobs, reference = e.columns["logprobs"], e.columns["reference"]
            rewards = token_rewards(e.score, logprobs, reference, kl, settings.kl_estimator)
            e.columns["advantages"], e.columns["returns"] = generalised_advantages(
                rewards, e.columns["values"], settings.gamma, settings.lam
            )
        self._tell(rollout, buffer)
        whitened = whiten(joined(buffer, "advantages")).split([len(e.reply) for e in buffer])
        for e, advantages in zip(buffer, whitened, strict=True):
            e.columns["advantages"] = advantages

    # --- how wrong the model is

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        terms = {} if batch.model == APART else self._policy_terms(outputs, batch.columns)
        if (batch.model == APART) == (self.critic.apart is not None):
            values, bound = self.critic.values(outputs), self.settings.value_clip
            old, returns = batch.columns["values"], batch.columns["returns"]
            terms["value"] = clipped_value(values, old, returns, bound)
        return terms

    def _policy_terms(self, outputs: TokenOutputs, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings, old = self.settings, columns["logprobs"]
        logprobs, examples = outputs.logprobs[: len(old)], outputs.logprobs[len(old) :]
        now = logprobs.detach()
        terms = {
            "policy": clipped_policy(
                logprobs, old, columns["advantages"], settings.clip, dual=settings.dual_clip
            ),
            "kl": k3(now, columns["reference"]),
            "clip_fraction": clip_fraction(now, old, settings.clip),
        }
        if outputs.entropy is not None:
            terms["entropy"] = outputs.entropy[: len(old)].sum()
        if settings.target_kl:
            terms["approx_kl"] = k3(old, now)
        if self.ptx:
            terms["ptx"] = negative_log_likelihood(examples)
        return terms

    # --- what to remember and to tell

    def after(self, report: StepReport) -> list[Entry]:
        steps = self.settings.steps_per_rollout
        rollout, place = divmod(self.done, steps)
        self.done += 1
        if self.average and self.settings.ema:
            self.average.follow(1 - self.settings.ema)
        if self.ptx:
            self.ptx.advance()
        far, most = report.losses.get("approx_kl", 0.0), self.settings.target_kl
        if most and far > most and place + 1 < steps:
            self.done = (rollout + 1) * steps
            left_out: dict[str, float | int] = {
                "rollout": rollout + 1,
                "steps": place + 1,
                "of": steps,
                "approx_kl": far,
            }
            self.notes.append(Entry("early_stop", left_out))
        if self.done % steps == 0:
            self.buffer = []
        told, self.notes = self.notes, []
        return told

    def _tell(self, rollout: int, buffer: Sequence[Experience]) -> None:
        """What stands in no other line: how dear divergence is, how much the critic knows."""
        if not (self.settings.adaptive_kl or self.settings.value_warmup):
            return
        known = explained_variance(joined(buffer, "values"), joined(buffer, "returns"))
        values: dict[str, float | int] = {
            "rollout": rollout + 1,
            "of": self.settings.updates,
            "kl_weight": self.kl.weight,
            "explained_variance": known,
        }
        self.notes.append(Entry("credit", values))

    def state(self) -> State:
        columns, buffer = to_state(self.buffer)
        kept = self.rollouts.state()
        tensors = {f"buffer/{name}": column for name, column in columns.items()} | kept.tensors
        if self.average:
            tensors |= self.average.state("average")
        values = {"done": self.done, "buffer": buffer, "kl": self.kl.weight, "rollouts": kept.values}
        return State(tensors, values | ({"ptx": self.ptx.state()} if self.ptx else {}))

    def restore(self, state: State) -> None:
        prefix, values = "buffer/", state.values
        columns = {n.removeprefix(prefix): t for n, t in state.tensors.items() if n.startswith(prefix)}
        self.done, self.kl.weight = values["done"], values["kl"]
        self.buffer = from_state(columns, values["buffer"])
        if self.average:
            self.average.restore("average", state.tensors)
        if self.ptx:
            self.ptx.restore(values["ptx"])
        self.rollouts.restore(State(state.tensors, values["rollouts"]))


def run(settings: PpoSettings, work: Workplace) -> None:
    """The step `ppo`: an SFT adapter, rewards and prompts in, a policy adapter out."""
    step = opened(settings, work)
    algorithm = Ppo(
        step.rollouts, settings, critic_of(settings, step, work.seed), ptx_of(settings, step, work)
    )
    learn("ppo", algorithm, step, settings, work)
    save_average(algorithm.average, step, settings, work)
