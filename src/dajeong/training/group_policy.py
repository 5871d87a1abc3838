"""Learning from several replies to a prompt, each judged beside the others: GRPO and RLOO, no value role.

They differ in one function, rewards to advantages. A prompt's replies are a group; it is scored, credited and
learned from as a whole, wherever its forwards run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from dajeong.errors import QualityProblem
from dajeong.models.layout import Sequence_, TokenOutputs, pack
from dajeong.progress import Progress, Quiet
from dajeong.training.advantages import token_rewards
from dajeong.training.algorithm import Batch, Entry, State, StepReport, Update
from dajeong.training.experience import Experience, from_state, joined, to_state
from dajeong.training.group_advantages import are_equal, weights_of
from dajeong.training.group_settings import GroupSettings
from dajeong.training.losses import clip_fraction, clipped_policy, k3
from dajeong.training.mini_batches import mini_batch, shared
from dajeong.training.rollout_step import learn, opened
from dajeong.training.rollouts import POLICY, Rollouts
from dajeong.workplace import Workplace

COLUMNS = ("logprobs", "reference", "advantages")
"""What a forward of the update is held against, token by token."""


class GroupPolicy(ABC):
    """Learns role `policy` from how its replies to one prompt compare."""

    def __init__(self, rollouts: Rollouts, settings: GroupSettings, progress: Progress | None = None) -> None:
        self.rollouts, self.settings, self.progress = rollouts, settings, progress or Quiet()
        self.base, self.parallel = rollouts.base, rollouts.parallel
        self.models = {"main": self.base.model}
        self.groups = {POLICY: settings.optimizer}
        in_loss = settings.kl if settings.kl_in == "loss" else 0.0
        self.coefficients = {"policy": 1.0, "kl_loss": in_loss, "kl": 0.0, "clip_fraction": 0.0}
        self.num_updates = settings.updates * settings.steps_per_rollout
        self.done = 0
        self.buffer: list[Experience] = []
        self.notes: list[Entry] = []

    @abstractmethod
    def advantages(self, rewards: Tensor) -> Tensor:
        """(P, G) → (P, G): what each reply is worth beside the others to its prompt."""

    # --- what to learn from

    def updates(self) -> Iterator[Update]:
        while self.done < self.num_updates:
            rollout, place = divmod(self.done, self.settings.steps_per_rollout)
            if not self.buffer:
                self.buffer = self.experience(rollout)
            picked = self._picked(rollout, place)
            parts = shared(picked, 1, self.settings.tokens_per_micro_batch, self.parallel) or [[]]
            batches = [self._batch(part) for part in parts]
            yield Update(batches, self._moving(picked), self.done / self.num_updates)

    def experience(self, rollout: int) -> list[Experience]:
        """Replies to the rollout's prompts, scored and credited; the same on every process.

        Raises QualityProblem where all replies of the first rollout earn the same as their neighbours.
        """
        buffer = self.rollouts.experience(rollout)
        flat = torch.tensor([self._reward(e) for e in buffer], dtype=torch.float64)
        rewards = flat.view(-1, self.settings.replies_per_prompt)
        if bool(are_equal(rewards).all()):
            self._nothing_to_learn(rollout, rewards)
        for e, advantage in zip(buffer, self.advantages(rewards).flatten().tolist(), strict=True):
            e.columns["advantages"] = torch.full_like(e.columns["logprobs"], advantage)
        figures, *others = self.rollouts.entries(rollout, buffer)
        self.notes += [_with_groups(figures, rewards), *others]
        return buffer

    def _reward(self, e: Experience) -> float:
        """What a reply is compared by: its score, less its divergence where that belongs to the reward."""
        kl = self.settings.kl if self.settings.kl_in == "reward" else 0.0
        return float(token_rewards(e.score, e.columns["logprobs"], e.columns["reference"], kl).sum())

    def _nothing_to_learn(self, rollout: int, rewards: Tensor) -> None:
        """At first the reward is at fault; later the policy may have learned all it can, which is said."""
        if not rollout:
            raise QualityProblem("groups-equal", replies=rewards.numel(), reward=float(rewards[0, 0]))
        self.progress.say("rollout-equal", rollout=rollout + 1, replies=rewards.numel())

    def _picked(self, rollout: int, place: int) -> list[Experience]:
        """The replies of optimizer step `place`: a keyed share of the groups, each of them whole."""
        settings, size = self.settings, self.settings.replies_per_prompt
        groups = [self.buffer[start : start + size] for start in range(0, len(self.buffer), size)]
        if settings.filter_equal:
            groups = [group for group in groups if _teaches(group)]
        part = mini_batch(len(groups), settings.mini_batches, self.rollouts.seed, rollout, place)
        return [e for index in part for e in groups[index]]

    def _moving(self, picked: Sequence[Experience]) -> frozenset[str]:
        """Nothing moves where there is nothing to learn, not even by what the optimizer remembers."""
        pulled = bool(picked) and self.coefficients["kl_loss"] > 0
        return frozenset(self.groups) if pulled or _teaches(picked) else frozenset()

    # --- how wrong the model is

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        columns, low, high = batch.columns, self.settings.clip, self.settings.clip_high
        logprobs, old, weights = outputs.logprobs, columns["logprobs"], columns["weights"]
        read = logprobs.detach()
        return {
            "policy": clipped_policy(logprobs, old, weights * columns["advantages"], low, high),
            "kl_loss": k3(logprobs, columns["reference"], weights),
            "kl": k3(read, columns["reference"]),
            "clip_fraction": clip_fraction(read, old, low, high),
        }

    def _batch(self, part: list[Experience]) -> Batch:
        device = self.base.model.device
        if not part:  # another process has more to do; ours takes part with no weight
            idle = pack([Sequence_(self.buffer[0].ids[:2], POLICY, [False, False])], device)
            empty = {name: torch.zeros(0, device=device) for name in (*COLUMNS, "weights")}
            return Batch(idle, dict.fromkeys(self.coefficients, 0.0), empty)
        lengths = [len(e.reply) for e in part]
        shares = [weights_of(length, self.settings.aggregation, self.settings.divisor) for length in lengths]
        columns = {name: joined(part, name) for name in COLUMNS}
        each = columns["logprobs"].new_tensor([weight for weight, _ in shares])
        columns["weights"] = each.repeat_interleave(torch.tensor(lengths))
        total, tokens = sum(share for _, share in shares), float(sum(lengths))
        sequences = [Sequence_(e.ids, POLICY, e.learn) for e in part]
        return Batch(
            pack(sequences, device, self.settings.decoding.temperature),
            {"policy": total, "kl_loss": total, "kl": tokens, "clip_fraction": tokens},
            {name: column.to(device) for name, column in columns.items()},
        )

    # --- what to remember and to tell

    def after(self, report: StepReport) -> list[Entry]:
        self.done += 1
        if self.done % self.settings.steps_per_rollout == 0:
            self.buffer = []
        told, self.notes = self.notes, []
        return told

    def state(self) -> State:
        columns, buffer = to_state(self.buffer)
        kept = self.rollouts.state()
        tensors = {f"buffer/{name}": column for name, column in columns.items()} | kept.tensors
        return State(tensors, {"done": self.done, "buffer": buffer, "rollouts": kept.values})

    def restore(self, state: State) -> None:
        self.done = state.values["done"]
        prefix = "buffer/"
        columns = {n.removeprefix(prefix): t for n, t in state.tensors.items() if n.startswith(prefix)}
        self.buffer = from_state(columns, state.values["buffer"])
        self.rollouts.restore(State(state.tensors, state.values["rollouts"]))


def _teaches(replies: Sequence[Experience]) -> bool:
    """Whether any of them is worth more or less than its neighbours."""
    return any(bool(e.columns["advantages"].any()) for e in replies)


def _with_groups(figures: Entry, rewards: Tensor) -> Entry:
    """The rollout's figures, and how far the replies of its groups differ."""
    spread, equal = rewards.std(dim=1, correction=0), are_equal(rewards).double()
    return Entry(
        "rollout",
        {**figures.values, "spread": float(spread.mean()), "equal_groups": float(equal.mean())},
    )


def train(kind: str, learner: type[GroupPolicy], settings: GroupSettings, work: Workplace) -> None:
    """The steps `grpo` and `rloo`: an SFT adapter, reward adapters and prompts in, a policy adapter out."""
    step = opened(settings, work)
    algorithm = learner(step.rollouts, settings, work.progress)
    learn(kind, algorithm, step, settings, work)
