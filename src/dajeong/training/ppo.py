"""Proximal policy optimisation of a chat policy (Ouyang et al. 2022, §3.5), four roles on one frozen base.

Reads top to bottom: roll out with `policy`; score with policy, reference, rewards and value in one forward;
turn scores into advantages; learn policy and value in one forward. The reference is the frozen `sft` role, so
KL starts at 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.training.advantages import generalised_advantages, token_rewards, whiten
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.critic import VALUE, Critic
from dajeong.training.experience import Experience, from_state, joined, to_state
from dajeong.training.loop import Loop
from dajeong.training.losses import clip_fraction, clipped_policy, clipped_value, k3
from dajeong.training.mini_batches import mini_batch, shared
from dajeong.training.ppo_settings import PpoSettings
from dajeong.training.rollout_step import add_value, opened, save_policy
from dajeong.training.rollouts import POLICY, Rollouts
from dajeong.workplace import Workplace

COLUMNS = ("logprobs", "reference", "advantages", "values", "returns")
"""What a forward of the update is held against, token by token."""


class Ppo:
    """Learns roles `policy` and `value` from what the reward roles say of the policy's own replies."""

    def __init__(self, rollouts: Rollouts, settings: PpoSettings, critic: Critic | None = None) -> None:
        self.rollouts, self.settings = rollouts, settings
        self.base, self.parallel = rollouts.base, rollouts.parallel
        self.critic = critic or Critic(next(iter(rollouts.rewards.values())))
        self.models = {"main": self.base.model}
        self.groups = {POLICY: settings.optimizer, VALUE: settings.value_optimizer or settings.optimizer}
        self.coefficients = {"policy": 1.0, "value": settings.value, "kl": 0.0, "clip_fraction": 0.0}
        self.num_updates = settings.updates * settings.steps_per_rollout
        self.done = 0
        self.buffer: list[Experience] = []
        self.notes: list[Entry] = []

    # --- what to learn from

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rollout, place = divmod(self.done, self.settings.steps_per_rollout)
            if not self.buffer:
                self.buffer = self.experience(rollout)
            batches = [self._batch(part) for part in self._micro_batches(place)]
            yield Update(batches, frozenset(self.groups), self.done / self.num_updates)

    def experience(self, rollout: int) -> list[Experience]:
        """Replies to the rollout's prompts, scored and credited; the same on every process."""
        buffer = self.rollouts.experience(rollout, self.critic)
        self._credit(buffer)
        self.notes += self.rollouts.entries(rollout, buffer)
        return buffer

    def _credit(self, buffer: Sequence[Experience]) -> None:
        """Score → token rewards → advantages; whitened over all reply tokens of all processes."""
        settings = self.settings
        for e in buffer:
            columns = e.columns
            rewards = token_rewards(e.score, columns["logprobs"], columns["reference"], settings.kl)
            columns["advantages"], columns["returns"] = generalised_advantages(
                rewards, columns["values"], settings.gamma, settings.lam
            )
        whitened = whiten(joined(buffer, "advantages")).split([len(e.reply) for e in buffer])
        for e, advantages in zip(buffer, whitened, strict=True):
            e.columns["advantages"] = advantages

    # --- how wrong the model is

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        columns, clip = batch.columns, self.settings.clip
        logprobs, old = outputs.logprobs, columns["logprobs"]
        values, bound = self.critic.values(outputs), self.settings.value_clip
        return {
            "policy": clipped_policy(logprobs, old, columns["advantages"], clip),
            "value": clipped_value(values, columns["values"], columns["returns"], bound),
            "kl": k3(logprobs.detach(), columns["reference"]),
            "clip_fraction": clip_fraction(logprobs.detach(), old, clip),
        }

    def _micro_batches(self, place: int) -> list[list[Experience]]:
        """The mini-batch of step `place`: a keyed share of the buffer, split over processes and budgets."""
        settings, rollout = self.settings, self.done // self.settings.steps_per_rollout
        part = mini_batch(len(self.buffer), settings.mini_batches, self.rollouts.seed, rollout, place)
        picked = [self.buffer[index] for index in part]
        return shared(picked, 2, settings.tokens_per_micro_batch, self.parallel)

    def _batch(self, part: list[Experience]) -> Batch:
        device = self.base.model.device
        if not part:  # another process has more to do; ours takes part with no weight
            ids = self.buffer[0].ids[:2]
            idle = pack([Sequence_(ids, POLICY, [False, False]), Sequence_(ids, VALUE)], device)
            empty = {name: torch.zeros(0, device=device) for name in COLUMNS}
            return Batch(idle, dict.fromkeys(self.coefficients, 0.0), empty)
        sequences = [Sequence_(e.ids, POLICY, e.learn) for e in part] + self.critic.sequences(part)
        columns = {name: joined(part, name).to(device) for name in COLUMNS}
        num_tokens = float(sum(len(e.reply) for e in part))
        tokens = pack(sequences, device, self.settings.decoding.temperature)
        return Batch(tokens, dict.fromkeys(self.coefficients, num_tokens), columns)

    # --- what to remember and to tell

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        if self.done % self.settings.steps_per_rollout == 0:
            self.buffer = []
        told, self.notes = self.notes, []
        return told

    def state(self) -> State:
        tensors, values = to_state(self.buffer)
        guards = self.rollouts.guards
        watched = {"guards": guards.history} if guards else {}
        return State(tensors, {"done": self.done, "buffer": values, **watched})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        self.buffer = from_state(state.tensors, state.values["buffer"])
        if self.rollouts.guards:
            self.rollouts.guards.restore(state.values.get("guards", []))


def run(settings: PpoSettings, work: Workplace) -> None:
    """The step `ppo`: an SFT adapter, reward adapters and prompts in, a policy adapter out."""
    step = opened(settings, work)
    add_value(step.base.model, step.judges)
    algorithm = Ppo(step.rollouts, settings)
    every = settings.checkpoint_every * settings.steps_per_rollout
    Loop(algorithm, work, step.parallel, every, {"roles": sorted(step.rollouts.rewards)}).run()
    save_policy("ppo", step, settings, work)
